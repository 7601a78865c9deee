"""XML without entities, document types, external resources or huge nodes."""

from __future__ import annotations

from typing import Any

from lxml import etree

from bartizan.workbench.intel.caps import DocumentError


def tree(data: bytes, name: str) -> Any:  # noqa: ANN401 - lxml has no stubs
    """Return the root of an XML document; raises DocumentError for one that is malformed or declares a document type."""
    if b"<!DOCTYPE" in data[:1_000_000] or b"<!ENTITY" in data or "<!DOCTYPE".encode("utf-16-le") in data[:1_000_000]:
        raise DocumentError(f"{name}: its XML declares a document type, by which entities can be made to explode", code="xml_bomb")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, dtd_validation=False, recover=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError) as error:
        raise DocumentError(f"{name}: this XML can't be read: {str(error)[:200]}", code="malformed_xml") from error
    if root is None:
        raise DocumentError(f"{name}: this XML is empty", code="malformed_xml")
    return root


def local(node: Any) -> str:  # noqa: ANN401 - lxml has no stubs
    """Return a node's name without its name space, empty for comments and instructions."""
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""
