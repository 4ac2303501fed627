"""Answers with a list that names itself, and one that doubles forty times."""
# ruff: noqa

OUTCOME = ("error",)


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    answer = [0]
    for _ in range(40):
        answer = [answer, answer]
    loop = []
    loop.append(loop)
    return answer if x.shape[0] % 2 else loop
