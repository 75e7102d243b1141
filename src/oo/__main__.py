from oo.cli import app

app()
