"""Pictures and HTML reports: catalogues, checks, answers and figures in, PNG files and one HTML page out.

The only package that imports matplotlib; `access`, `assess` and `address` know nothing of it.

- `style`: colours, sizes, charts, framed photos, text that fits, PNGs; the look that all others share
- `retrieval_panels`: a query and the photos that are ranked first, for search and evaluation
- `charts`: a training's loss and validation figures by epoch; reliability, ROC, comparison of methods
- `tsne`: a map of embeddings
- `gradcam`: the part of a photo that an answer rests on
- `catalogue_plots`: histograms and counts of a catalogue; photos framed by identity
- `html_report`: the page of an assessment, from `templates/`; `catalogue_sections` and `photo_sections`: its sections
"""
