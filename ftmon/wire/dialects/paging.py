"""How lists of jobs say what asks for their next page."""

from urllib.parse import parse_qs, urlencode, urlsplit

from ftmon import json_text
from ftmon.model.figures import count


def after_last(body: bytes) -> str:
    """Return the parameters for the page after this one, where `has_more` says that there is one."""
    value = json_text.decode(body)
    entries = value.get("data") if isinstance(value, dict) and value.get("has_more") is True else None
    last = entries[-1] if isinstance(entries, list) and entries else None
    last_id = last.get("id") if isinstance(last, dict) else None
    return urlencode({"after": last_id}, errors="replace") if isinstance(last_id, str) else ""


def page_number(parameters: str, name: str, first: int) -> int:
    """Return the number of the page that these parameters asked for."""
    (number,) = parse_qs(parameters).get(name, [str(first)])
    return int(number)


def page_after(body: bytes, parameters: str) -> str:
    """Return the parameters for the next page of one of NVIDIA's lists, which tell how many there are."""
    value = json_text.decode(body)
    pagination = value.get("pagination") if isinstance(value, dict) else None
    pages = count(pagination.get("total_pages")) if isinstance(pagination, dict) else None
    number = page_number(parameters, "page", 1)
    return urlencode({"page": number + 1}) if number < (pages or 1) else ""


def query_of(url: object) -> str:
    """Return the parameters of an address for the next page. Only they are taken: no other host is asked."""
    try:
        return urlsplit(url).query if isinstance(url, str) else ""
    except ValueError:
        return ""


def has_page_after(pages: int, entries: int, total: int, size: int) -> bool:
    """Whether there are more pages than these, the last of which has so many of all entries.

    `size` is what was asked for. A service that does not take it has pages of its own size.
    """
    is_rest = entries == total - (pages - 1) * size
    return entries > 0 and not is_rest and total > pages * min(entries, size)
