"""Prints commands of a document, for scripts that run them as a reader would: documented.py FILE HEADING [BEGINNING]

Prints the commands of the bash blocks below the heading, up to the next heading of any level; with BEGINNING, only those that
start with it. Fails if there are none. tests/suite/docs/commands.rs reads the same blocks, and the calls of this program in the
scripts."""
import sys


def commands(text, heading):
    """Yields the commands below a heading, continuation lines included, without comment lines."""
    below = in_bash = code = False
    command = []
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("```"):
            code = not code
            in_bash = code and line == "```bash"
        elif not code:
            if line.startswith("#"):
                below = line.lstrip("#").strip() == heading
        elif below and in_bash and (command or line and not line.startswith("#")):
            command.append(line)
            if not line.endswith("\\"):
                yield "\n".join(command)
                command = []


if __name__ == "__main__":
    file, heading, beginning = (sys.argv[1:] + [""])[:3]
    found = [c for c in commands(open(file, encoding="utf-8").read(), heading) if c.startswith(beginning)]
    if not found:
        sys.exit(f'{file} has no command "{beginning}" below "{heading}"')
    print("\n".join(found))
