"""`python -m ftmon.notify`: do one errand, which is read from standard input."""

from ftmon.notify.errand import main

if __name__ == "__main__":
    main()
