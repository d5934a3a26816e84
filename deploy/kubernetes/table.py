"""The result, for people."""

HEAD = ["scenario", "verdict", "took", "acknowledged", "lost", "doubled", "given up", "retries", "p99", "no send at all", "no send to one queue"]


def table(rows):
    """A table in Markdown, and below it what went wrong."""
    lines = [HEAD, ["---"] * len(HEAD), *(cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    text = "".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |\n" for line in lines)
    text += "\n'no send' is the longest time without a successful send, seen by the client, and when it began\n"
    for row in rows:
        if row["trouble"]:
            text += f"\n{row['name']}: {row['trouble']}\n"
    return text


def cells(row):
    def count(key):
        return str(row[key]) if key in row else "-"

    def gap(key):
        return f"{row[key]['seconds']:.2f} s at {row[key]['at']:.0f} s" if key in row else "-"

    verdict = "FAILED" if row["trouble"] else "passed"
    took = f"{row['took']:.0f} s" if "took" in row else "-"
    p99 = f"{row['p99_ms']} ms" if row.get("p99_ms") is not None else "-"
    name = f"{row['name']}: {row['about']}" if "about" in row else row["name"]
    counts = [count(key) for key in ("acknowledged", "lost", "doubled", "unknown", "retries")]
    return [name, verdict, took, *counts, p99, gap("gap"), gap("worst_queue")]
