"""The commands for the users of the bus."""

from typing import Annotated

import typer

from oo.cli.surroundings import out, telling_errors

app = typer.Typer(no_args_is_help=True, help="See who may say what on the bus, and give each process its user.")


@app.command()
def users(
    prefix: Annotated[
        str, typer.Option(envvar="OO_NATS_SECRET_PREFIX", help="How the names of the Secrets begin.")
    ] = "oo-nats",
    namespace: Annotated[str, typer.Option(envvar="POD_NAMESPACE", help="The namespace of the Secrets.")] = "default",
) -> None:
    """Make a Kubernetes Secret with user and password for each role, and one for the NATS server.

    What is there stays, so it may run at any time. To replace a password delete the Secret of its role, run this, and
    restart the NATS server and the role's pods.
    """
    from oo.bus.kubernetes_secrets import KubernetesSecrets
    from oo.bus.users import make

    with telling_errors():
        changed = make(KubernetesSecrets(namespace), prefix)
    out.print("\n".join(changed) or "All are there already.", highlight=False)


@app.command()
def roles() -> None:
    """Print what a NATS server's configuration says of all roles, a password each as a variable of its environment."""
    from oo.bus.roles import accounts, variable

    out.print(accounts(variable), end="", highlight=False, markup=False, soft_wrap=True)
