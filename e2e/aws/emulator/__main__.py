"""MiniStack with what Causeway's tests need of AWS beside it. README.md says what that is, and what it is not."""

import ministack.app

from . import checks, cluster, drift, faults, gateway, network, quotas, registry, resources, rights, schedules, stacks
from . import tags

TYPES = (resources, network, cluster, checks, rights)
SERVICES = (drift, tags, registry, schedules, quotas, stacks)
# Faults wrap the handlers of all types, so they come after those.
for part in (*TYPES, *SERVICES, faults, gateway):
    part.install()

if __name__ == "__main__":
    ministack.app.main()
