"""``python -m bartizan`` is the ``bartizan`` command."""

from bartizan.cli import main

if __name__ == "__main__":
    main()
