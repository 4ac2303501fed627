"""Leaves modules, profiles and start-up files where the next student's process might load them."""
# ruff: noqa

OUTCOME = ("wrong",)

import glob
import os

line = "open('/tmp/work/taken', 'w').write('taken')\n"
homes = {os.environ["HOME"], os.path.expanduser("~"), os.getcwd(), "/tmp", os.environ.get("IPYTHONDIR", "/tmp")}
for home in (*homes, "/opt/sandbox/jail", "/opt/course/0", "/opt/site/0", "/etc", "/usr/lib/python3"):
    for name in (
        "usercustomize.py",
        "sitecustomize.py",
        ".pythonrc",
        "x.pth",
        "profile_default/startup/0.py",
        "runner.py",
    ):
        try:
            os.makedirs(os.path.dirname(os.path.join(home, name)), exist_ok=True)
            with open(os.path.join(home, name), "a") as file:
                file.write(line)
            if not os.path.realpath(home).startswith("/tmp"):
                print("LEAK wrote", home)
        except OSError:
            pass
if glob.glob("/tmp/work/taken") or glob.glob("/tmp/ghost"):
    print("LEAK a file of another child")
open("/tmp/ghost", "w").write("here I was")


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return 0
