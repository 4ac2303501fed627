book:
	.venv/bin/jupyter-book build book -W -n --keep-going
.PHONY: book
