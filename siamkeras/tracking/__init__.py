"""Following one object through a video, of which nothing is known but its box in the first frame."""

from siamkeras.tracking.baselines import Still, TemplateMatching

__all__ = ["Still", "TemplateMatching"]
