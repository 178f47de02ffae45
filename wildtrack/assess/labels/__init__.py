"""Labels: an embedding for each photo in, labels that the photos contradict out.

- `audit`: compares all photos of a viewpoint, gives three lists, and says how far they can be trusted
- `suspicions`: the rows of these lists
- `likeness`: the best links between independent photos
- `trials`: how often the lists are right, by errors that are planted
"""
