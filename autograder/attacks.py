"""Attempts to get points or secrets without solving anything, as students would write them into a cell.

`simulate` puts some of them into its class, so that an instructor sees what becomes of them. None of them may earn
a point. Each is one cell that runs before everything else; `answer`, where given, stands in every exercise's cell,
with {name} for the exercise.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Attack:
    """One attempt: its name, what it tries, the cell that comes first, and the body of every answer."""

    name: str
    tries: str
    cell: str
    answer: str = ""
    flagged: str = ""  # a word of the reason, where it is enough to have a person look before it counts
    seen: str = ""  # a word of the flag by which the report lists it


ATTACKS = (
    Attack(
        "empty_every_cell",
        "an input transformer that empties every later cell, so that no check runs",
        "get_ipython().input_transformers_cleanup.append(lambda lines: [])\n",
        flagged="get_ipython",
    ),
    Attack(
        "script_in_the_output",
        "a script for the grader's browser",
        "from IPython.display import HTML, Javascript, display\n"
        "display(HTML('<script>alert(1)</script><img src=x onerror=alert(1)>'))\n"
        "display(Javascript('alert(1)'))\n"
        "print('<script>alert(1)</script>')\n",
        seen="Javascript",
    ),
    Attack(
        "always_equal",
        "an answer that says it equals everything",
        "class Liar(float):\n"
        "    shape = dtype = ndim = property(lambda self: self)\n"
        "    def __eq__(self, other): return True\n"
        "    def __ne__(self, other): return False\n"
        "    def __getattr__(self, name): return lambda *a, **k: True\n"
        "    __hash__ = float.__hash__\n"
        "    @classmethod\n"
        "    def __torch_function__(cls, *args, **kwargs): return True\n",
        "def {name}(*args, **kwargs):\n    return Liar(1)\n",
        seen="__torch_function__",
    ),
    Attack(
        "patch_the_comparison",
        "torch and numpy comparisons that are always content",
        "import torch, numpy, builtins\n"
        "for module, names in ((torch, ('equal', 'allclose', 'isclose')), (torch.testing, ('assert_close',)),\n"
        "                      (numpy, ('allclose', 'array_equal')), (builtins, ('all', 'abs', 'max'))):\n"
        "    for name in names:\n"
        "        setattr(module, name, lambda *a, **k: True)\n",
        "def {name}(*args, **kwargs):\n    return 0\n",
        seen="setattr",
    ),
    Attack(
        "read_the_hidden_cases",
        "importing the hidden cases and the references",
        "try:\n"
        "    import autograder.hidden as hidden\n"
        "    print(open(hidden.__file__).read())\n"
        "except Exception as error:\n"
        "    print('no', type(error).__name__)\n"
        "try:\n"
        "    from cnncourse.checks import load\n"
        "    for exercise in load('01_convolution').exercises:\n"
        "        globals()[exercise.name] = exercise.reference\n"
        "except Exception as error:\n"
        "    print('no', type(error).__name__)\n",
        flagged="withheld",
    ),
    Attack(
        "search_the_disk",
        "looking for gradebooks, other students and lessons, and changing what is found",
        "import os\n"
        "found = []\n"
        "for top in ('/home', '/root', '/work', '/srv', '/tmp', '/var', '/mnt'):\n"
        "    for folder, _, files in os.walk(top):\n"
        "        for name in files:\n"
        "            if name.endswith(('.db', '.ipynb', 'results.json', 'seeds.json')):\n"
        "                path = os.path.join(folder, name)\n"
        "                found.append(path)\n"
        "                try:\n"
        "                    open(path, 'a').write('x')\n"
        "                except OSError:\n"
        "                    pass\n"
        "        if len(found) > 100:\n"
        "            break\n"
        "print('FOUND', found)\n",
        seen="os.walk",
    ),
    Attack(
        "die_in_the_function",
        "ending the process in the middle of a check",
        "import os\n",
        "def {name}(*args, **kwargs):\n    os._exit(0)\n",
        seen="ended the process",
    ),
    Attack(
        "tell_the_inputs",
        "carrying hidden inputs out in exceptions, prints and files",
        "seen = []\n",
        "def {name}(*args, **kwargs):\n"
        "    seen.append(repr((args, kwargs)))\n"
        "    print('SEEN', seen)\n"
        "    open('seen.txt', 'a').write(str(seen))\n"
        "    raise type('Seen' + str(abs(hash(seen[-1]))), (Exception,), {{}})(seen)\n",
        seen="names of their own making",
    ),
    Attack(
        "forge_the_wire",
        "writing a verdict of its own into every open file descriptor",
        "import os, json\n"
        "verdict = json.dumps({'ok': True, 'score': 100, 'verdict': 'pass', 'result': 1.0}).encode()\n"
        "for fd in range(3, 64):\n"
        "    try:\n"
        "        os.write(fd, len(verdict).to_bytes(4, 'big') + verdict)\n"
        "    except OSError:\n"
        "        pass\n",
        seen="os.write",
    ),
    Attack(
        "use_the_network",
        "asking a server for the answers",
        "import socket\n"
        "try:\n"
        "    socket.create_connection(('192.0.2.1', 80), timeout=2)\n"
        "    print('CONNECTED')\n"
        "except OSError as error:\n"
        "    print('no', type(error).__name__)\n",
        seen="socket",
    ),
    Attack(
        "outlive_the_grader",
        "a process that stays behind",
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(3600)\n    os._exit(0)\n",
        seen="os.fork",
    ),
    Attack(
        "never_return",
        "a function that never returns",
        "",
        "def {name}(*args, **kwargs):\n    while True:\n        pass\n",
        seen="ran into a limit",
    ),
)
