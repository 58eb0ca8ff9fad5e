"""What a test says of the world outside: the API server behind every cluster, and what answers for load balancers."""

from dataclasses import dataclass


@dataclass
class Settings:
    # Of the API server; the certificate is PEM.
    endpoint: str = ""
    certificate: str = ""
    # Stands in the path that the API server asks about tokens at: nobody else may.
    secret: str = ""
    # The name, with its port, of load balancers that are made from now on.
    balancer: str = ""


settings = Settings()
