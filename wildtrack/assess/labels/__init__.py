"""Labels: an embedding for each photo in, labels that the photos contradict out.

- `audit`: compares all photos of a viewpoint and gives three lists
- `suspicions`: the rows of these lists
- `likeness`: the best links between independent photos
- `trust`: how far an audit can be believed, in words
"""
