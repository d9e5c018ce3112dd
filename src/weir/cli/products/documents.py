"""`weir document`: OpenAPI documents of an institution."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from weir.cli.failures import CommandError
from weir.cli.output import AsJson, show_json, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management

document = typer.Typer(no_args_is_help=True)

Document = Annotated[str, typer.Argument(help="The document's identifier, doc_…")]


@document.command("import")
def import_document(
    file: Annotated[Path, typer.Argument(help="An OpenAPI 2.0, 3.0 or 3.1 document.")],
    slug: Annotated[str, typer.Option(help="The document's name, your own choice.")],
    backend_url: Annotated[str, typer.Option(help="The address of your service, https://…")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Import an OpenAPI document; every operation becomes a capability."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CommandError(f"The file {file} cannot be read.") from error
    made = call_management(
        profile, lambda m: m.documents.import_document(slug, backend_url, content)
    )
    show_one(made["document"] | {k: v for k, v in made.items() if k != "document"}, as_json)


@document.command("list")
def list_documents(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List your documents."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.documents.list()))
    show_list(found, ("slug", "version", "title", "openapi", "backend_url", "id"), as_json)


@document.command("show")
def show_document(
    document: Document, profile: ProfileName = DEFAULT, as_json: AsJson = False
) -> None:
    """Show one document."""
    show_one(call_management(profile, lambda m: m.documents.get(document)), as_json)


@document.command("openapi")
def document_openapi(
    document: Document,
    source: Annotated[bool, typer.Option(help="Print the bytes you imported.")] = False,
    profile: ProfileName = DEFAULT,
) -> None:
    """Print a document as the platform stores it, or the bytes you imported (--source)."""
    if source:
        sys.stdout.buffer.write(call_management(profile, lambda m: m.documents.source(document)))
    else:
        show_json(call_management(profile, lambda m: m.documents.openapi(document)))


@document.command("findings")
def findings(document: Document, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List what in a document breaks the standard."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.documents.findings(document)))
    show_list(found, ("severity", "rule", "pointer", "subject", "mend"), as_json)
