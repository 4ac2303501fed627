"""Images that fool a network: small changes, found with the gradient. Pixels lie in [0, 1], `eps` is in those units."""

from cnncourse.fooling.pgd import fgsm, pgd

__all__ = ["fgsm", "pgd"]
