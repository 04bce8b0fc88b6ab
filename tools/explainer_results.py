#!/usr/bin/python3
"""The table of docs/explainers.md: all explainers on the same pictures, measured.

usage: tools/explainer_results.py SUMMARY [TIMED]
  SUMMARY   summary.json of `clearcut explain-eval`, one classifier
  TIMED     another one whose seconds count: of few pictures, taken on a quiet machine
"""
import json
import sys

COLUMNS = [("mask_iou", "mask IoU", 100), ("pointing", "pointing game", 100), ("deletion", "deletion", 1),
           ("insertion", "insertion", 1)]


def rows_of(path):
    with open(path) as file:
        return json.load(file)["rows"]


def name_of(row):
    return row["explainer"].split(":")[0]


def cell(value, factor):
    if value["n"] == 0:
        return "-"
    digits = 1 if factor == 100 else 3
    return f"{factor * value['mean']:.{digits}f} ± {factor * value['error']:.{digits}f}"


def main():
    rows = rows_of(sys.argv[1])
    timed = {name_of(row): row["seconds"]["mean"] for row in rows_of(sys.argv[-1])}
    measures = [next(m for m in rows[0]["measures"] if m.split(":")[0] == key) for key, _, _ in COLUMNS]
    rows.sort(key=lambda row: -row["measures"][measures[0]]["mean"])
    print("| explainer | " + " | ".join(title for _, title, _ in COLUMNS) + " | empty maps | seconds |")
    print("|---|" + "---|" * (len(COLUMNS) + 2))
    for row in rows:
        cells = [cell(row["measures"][m], factor) for m, (_, _, factor) in zip(measures, COLUMNS)]
        print(f"| {name_of(row)} | " + " | ".join(cells) + f" | {row['empty']} | {timed[name_of(row)]:.2f} |")


if __name__ == "__main__":
    main()
