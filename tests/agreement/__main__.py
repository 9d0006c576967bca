"""Where established tools and ours disagree on the same servers, as Markdown.

python -m tests.agreement tls
python -m tests.agreement headers node_modules/@mdn/mdn-http-observatory
unshare --net python -m tests.agreement dns
"""

from __future__ import annotations

import sys

from tests.agreement import dns, tls
from tests.agreement.headers import headers_table
from tests.agreement.looking import addresses
from tests.matrix.seeing import up


def tls_table() -> None:
    """Every subject, every tool."""
    host = "api.shop.example"
    print("| server | tool | what | we alone | it alone |\n|---|---|---|---|---|")
    with up("demo") as sandbox:
        ip, port = addresses(sandbox, "@nginx")[0]
        for fault, name in tls.SUBJECTS:
            if fault:
                sandbox.break_(f"{fault}:api")
            mine = tls.ours(sandbox, host)
            for tool, ask in tls.TOOLS.items():
                found = tls.differences(mine, ask(ip, port, host))
                for what, (we, it) in found.items():
                    print(f"| {name} | {tool} | {what} | {', '.join(we)} | {', '.join(it)} |", flush=True)
                if not found:
                    print(f"| {name} | {tool} | all | the same | the same |", flush=True)
            if fault:
                sandbox.mend(f"{fault}:api")


if __name__ == "__main__":
    {"tls": tls_table, "headers": headers_table, "dns": dns.table}[sys.argv[1]](*sys.argv[2:])
