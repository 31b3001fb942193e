"""One Typer app each: parse, run, print."""
