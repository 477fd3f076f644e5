"""Draws the stack's CloudWatch dashboard with invented data: `python3 dev/draw_dashboard.py`.

The widgets of `template.yaml` give the titles, labels, units and places. A simulation of one night,
in which W-API answers 500 for an hour, gives the data. Writes docs/images/dashboard*.svg.
"""

import collections
import heapq
import html
import json
import math
import pathlib
import random
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The dashboard shows 04:00 to 10:00. Times are in seconds since then; W-API fails at 05:30.
FIRST_HOUR, HOURS = 4, 6
END, PERIOD, OUTAGE = HOURS * 3600, 300, (5400, 9000)
# Jobs that ten download functions run at the same time, and the maximum waits before a retry.
SLOTS, WAITS = 40, (30, 60, 120, 240, 480, 900, 1800, 3600, 7200, 14400)
# Sizes in pixels, on CloudWatch's grid of 24 columns.
COLUMN, ROW, GAP, HEAD, LINE = 37, 42, 8, 76, 17
COLOURS = "#1f77b4 #ff7f0e #2ca02c #d62728 #9467bd #8c564b #e377c2 #7f7f7f #bcbd22 #17becf".split()
STYLE = """text{font:11px "Amazon Ember",system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",\
sans-serif;fill:#16191f} .n{font-size:16px;font-weight:700} .t{font-size:13px;font-weight:700} \
.a{font-size:10px;fill:#545b64} .r{text-anchor:end} .m{text-anchor:middle} .g{stroke:#e4e8e8} \
.c{fill:#fff;stroke:#d5dbdb} .s{fill:none;stroke-width:1.6;stroke-linejoin:round}"""
# The title, the description for screen readers, and the line above the widgets.
TEXTS = {"docs/images/dashboard.svg": (
    "The CloudWatch dashboard of the stack",
    "Eight graphs of one night. While W-API answers 500, from 05:30 to 06:30, retries rise, cdn "
    "stores the files, jobs wait, and storing takes longer. Then the queue drains, and one job is "
    "parked. The functions have no errors.",
    "Invented data. W-API answers 500 from 05:30 to 06:30: cdn stores what it can, the rest is "
    "retried, and one job is parked.",
), "docs/images/dashboard.pt-BR.svg": (
    "O dashboard da stack no CloudWatch",
    "Oito gráficos de uma noite. Enquanto a W-API responde 500, das 05:30 às 06:30, há mais novas "
    "tentativas, a cdn guarda os arquivos, jobs esperam, e guardar demora mais. Depois a fila se "
    "esvazia, e um job fica estacionado. As funções não têm erros.",
    "Dados inventados. A W-API responde 500 das 05:30 às 06:30: a cdn entrega o que pode, o "
    "resto é tentado de novo, e um job é estacionado.",
)}


# The receiver that webhooks wait for, which the dashboard finds by a search.
RECEIVER = "rcv_k3m5p7r2t4v6x2z4"


class Job:
    """A job, and whether WhatsApp's CDN no longer has its file. Nobody has a lost file."""

    def __init__(self, chance, is_lost=False):
        self.runs, self.is_lost = 0, is_lost
        self.is_gone = is_lost or chance.random() < 0.06

    def run(self, chance, now):
        """Returns the outcome of a run, the strategy that delivered, and the run's seconds."""
        self.runs += 1
        luck, since, until = chance.random(), now - OUTAGE[0], now - OUTAGE[1]
        if not self.is_gone and luck < 0.03:
            return chance.choice(("Duplicate", "Skipped", "Skipped")), None, 0.1
        seconds = chance.lognormvariate(-0.3, 0.5) + (luck > 0.97) * chance.uniform(3, 8)
        if since >= 0 and until < chance.uniform(0, 300):
            # Jobs ask W-API twice, until its strategies pause; from then on, only a few do.
            if chance.random() < max(0.06, math.exp(-since / 420)):
                seconds += sum(min(30, chance.expovariate(1 / 18)) for _ in range(2))
            return ("Retrying", None, seconds) if self.is_gone else ("Stored", "cdn", seconds)
        if self.is_lost or luck > 0.999:
            is_parked = self.is_lost and until > 3600
            return "ParkedToResend" if is_parked else "Retrying", None, seconds
        strategies = ("wapi", "wapi_alternate", "cdn")
        return "Stored", chance.choices(strategies, (96, 2.6, 1.4))[0], seconds


def simulate_night(chance):
    """Returns what came and how runs ended, their milliseconds, and the queue's two numbers."""
    counts, times = collections.Counter(), collections.defaultdict(list)
    waiting, in_work = collections.Counter(), collections.Counter()
    ready, later, running = collections.deque(), [], []
    for now in range(-1800, END):
        arrivals = sum(chance.random() < 0.44 + 0.16 * (now / END) ** 2 for _ in range(4))
        counts["Queued", now // PERIOD] += arrivals
        ready.extend(Job(chance) for _ in range(arrivals))
        if now == OUTAGE[1] - 1200:
            ready.append(Job(chance, is_lost=True))
        while later and later[0][0] <= now:
            ready.append(heapq.heappop(later)[2])
        while running and running[0] <= now:
            heapq.heappop(running)
        while ready and len(running) < SLOTS:
            job = ready.popleft()
            outcome, strategy, seconds = job.run(chance, now)
            heapq.heappush(running, now + seconds)
            if outcome == "Retrying":
                wait = chance.uniform(0, WAITS[min(job.runs, len(WAITS)) - 1])
                wait = 4500 if job.is_lost and now > OUTAGE[1] else wait
                heapq.heappush(later, (now + seconds + wait, chance.random(), job))
            period = int(now + seconds) // PERIOD
            counts[outcome, period] += 1
            if outcome == "Stored":
                counts[strategy, period] += 1
                times[period].append(seconds * 1000)
        waiting[now // 60] = max(waiting[now // 60], len(ready))
        in_work[now // 60] = max(in_work[now // 60], len(running) + len(later))
    return counts, times, waiting, in_work


def make_series():
    """Returns the points of each metric, a second and a value, by the metric's label."""
    chance = random.Random(20261118)
    counts, times, waiting, in_work = simulate_night(chance)
    series = collections.defaultdict(list)
    for (name, period), count in sorted(counts.items(), key=lambda item: item[0][1]):
        if 0 <= period < END // PERIOD and count:
            series[name].append((period * PERIOD, count))
    series["parked, to be sent again"] = series.pop("ParkedToResend")
    for second in range(0, END, PERIOD):
        period, sample = second // PERIOD, sorted(times[second // PERIOD])
        values = {"StoreDuration p50": sample[len(sample) // 2],
                  "StoreDuration p99": sample[len(sample) * 99 // 100],
                  "Ignored": round(counts["Queued", period] * chance.uniform(1.9, 2.2)),
                  "webhook errors": 0, "download errors": 0,
                  "webhook p99 ms": chance.choices((80, 160), (94, 6))[0] + chance.uniform(0, 25)}
        values |= {"Refused": chance.randint(1, 4)} if chance.random() < 0.12 else {}
        values |= {"UnknownEvents": 1} if chance.random() < 0.07 else {}
        for label, value in values.items():
            series[label].append((second, value))
    for minute in range(END // 60):
        is_parked = minute * 60 > series["parked, to be sent again"][0][0]
        values = {"jobs waiting": waiting[minute] + chance.choice((0, 0, 1, 2)),
                  "jobs in work or waiting for a retry": in_work[minute], "parked": int(is_parked)}
        for label, value in values.items():
            series[label].append((minute * 60, value))
    series["expire within 48 h"] = [(hour * 3600 + 420, 0) for hour in range(HOURS)]
    # Nothing happened: the metric filters then write no points.
    quiet = ("parked, to repair/Unavailable/RateLimited/Misdirected/Unread/UnknownWrappers/"
             "found by back-fill/lost/paused receivers/refused by AWS")
    # One receiver gets every webhook. It restarts at 07:00.
    ignored, queued = (collections.Counter(dict(series[name])) for name in ("Ignored", "Queued"))
    series["delivered"] = sorted((ignored + queued).items())
    series["retried"] = [(10800, 31), (11100, 4)]
    # The media files of the hour before are looked at.
    series["links opened"] = [(at, count // 4) for at, count in sorted(queued.items()) if count > 3]
    series["oldest waiting, s"] = [(10920, 84), (10980, 144), (11040, 96)]
    series[RECEIVER] = series["oldest waiting, s"]
    return {**series, **{label: [] for label in quiet.split("/")}}


def read_metrics(properties):
    """Returns label, unit and axis of each metric of a widget; labels default as CloudWatch's."""
    metrics = []
    for metric in properties["metrics"]:
        if isinstance(metric[0], dict):
            metrics.append((RECEIVER, "Seconds", "left"))
            continue
        options = metric[-1] if isinstance(metric[-1], dict) else {}
        names = [part for part in metric if isinstance(part, str)]
        label = " ".join([names[-1], options.get("stat", "")]).strip()
        unit = "Milliseconds" if metric[1].endswith("Duration") else "Count"
        metrics.append((options.get("label", label), unit, options.get("yAxis", "left")))
    return metrics


def write_text(x, y, style, text):
    return f'<text class="{style}" x="{x:g}" y="{y:g}">{html.escape(text)}</text>'


def draw_legend(labels, left, right, bottom):
    """Returns a legend that ends at `bottom` and wraps as words do, and its height."""
    places, x, row = [], left, 0
    for label in labels:
        width = 24 + sum(4.2 if c in " ,fijlrt" else 7.2 for c in label)
        if x + width > right + 12:
            x, row = left, row + 1
        places.append((x, row))
        x += width
    parts = []
    for (x, own), label, colour in zip(places, labels, COLOURS):
        y = bottom - (row - own) * LINE
        parts += [f'<rect x="{x:g}" y="{y - 8}" width="9" height="9" fill="{colour}"/>',
                  write_text(x + 13, y, "l", label)]
    return parts, (row + 1) * LINE


def draw_lines(lines, area, is_stacked):
    """Returns the lines of one axis, or areas on each other, and the value at the axis's end."""
    left, right, top, bottom = area
    if is_stacked:
        below = {second: 0 for points, _ in lines for second, _ in points}
        for n, (points, colour) in enumerate(lines):
            below = {second: value + dict(points).get(second, 0) for second, value in below.items()}
            lines[n] = sorted(below.items()), colour
    most = max(value for points, _ in lines for _, value in points)
    size = 10 ** math.floor(math.log10(max(most, 1)))
    end = next(size * n for n in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10) if size * n >= most)
    parts = []
    for points, colour in reversed(lines):
        spots = [(f"{left + (right - left) * second / END:.1f}".removesuffix(".0"),
                  f"{bottom - (bottom - top) * value / end:.1f}".removesuffix(".0"))
                 for second, value in points]
        if len(spots) == 1:
            parts.append(f'<circle cx="{spots[0][0]}" cy="{spots[0][1]}" r="3" fill="{colour}"/>')
            continue
        path = " ".join(",".join(spot) for n, spot in enumerate(spots)
                        if len({y for _, y in spots[max(n - 1, 0):n + 2]}) > 1
                        or n in (0, len(spots) - 1))
        if is_stacked:
            outline = f'points="{path} {spots[-1][0]},{bottom} {left},{bottom}"'
            parts.append(f'<polygon fill="#fff" {outline}/>'
                         f'<polygon fill="{colour}" fill-opacity=".6" {outline}/>')
        if path:
            parts.append(f'<polyline class="s" stroke="{colour}" points="{path}"/>')
    return sorted(parts, key=lambda part: "circle" in part), end


def draw_widget(widget, series):
    """Returns a widget: its card, title, axes, lines and legend."""
    properties, metrics = widget["properties"], read_metrics(widget["properties"])
    x, y = 10 + widget["x"] * COLUMN, HEAD + widget["y"] * ROW
    width, height = widget["width"] * COLUMN - GAP, widget["height"] * ROW - GAP
    labels = [label for label, _, _ in metrics]
    legend, legend_height = draw_legend(labels, x + 12, x + width - 8, y + height - 9)
    axes = collections.defaultdict(list)
    for (label, unit, side), colour in zip(metrics, COLOURS):
        axes[side, unit].append((series[label], colour))
    left, right = x + 42, x + width - (42 if len(axes) > 1 else 20)
    top, bottom = y + 54, y + height - legend_height - 30
    parts = [f'<rect class="c" x="{x}" y="{y}" width="{width}" height="{height}" rx="4"/>',
             write_text(x + 12, y + 22, "t", properties["title"]),
             *(f'<path class="g" d="M{left},{level:g}H{right}"/>'
               for level in (top, (top + bottom) / 2, bottom)),
             *(write_text(left + (right - left) * hour / HOURS, bottom + 15, "a m",
                          f"{FIRST_HOUR + hour:02}:00") for hour in range(HOURS + 1))]
    for (side, unit), lines in axes.items():
        drawn, end = draw_lines(lines, (left, right, top, bottom), properties.get("stacked"))
        is_left = side == "left"
        edge, number = (x + 12, left - 6) if is_left else (x + width - 12, right + 6)
        parts += [*drawn, write_text(edge, top - 12, "a" if is_left else "a r", unit)]
        for level, value in ((top, end), ((top + bottom) / 2, end / 2), (bottom, 0)):
            text = f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"
            parts.append(write_text(number, level + 3, "a r" if is_left else "a", text))
    return parts + legend


def draw_dashboard(title, description, caption):
    """Returns the dashboard of the template as an SVG."""
    template = (ROOT / "template.yaml").read_text()
    body = re.search(r"DashboardBody: !Sub \|\n((?: {8}.*\n)+)", template).group(1)
    widgets, series = json.loads(body)["widgets"], make_series()
    width = 20 + 24 * COLUMN - GAP
    height = HEAD + max(one["y"] + one["height"] for one in widgets) * ROW + 2
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
             f'aria-labelledby="t d">\n<title id="t">{title}</title>\n<desc id="d">{description}'
             f"</desc>\n<style>{STYLE}</style>",
             f'<rect width="{width}" height="{height}" rx="10" fill="#f2f3f3"/>',
             write_text(14, 32, "n", "CloudWatch › Dashboards"), write_text(14, 57, "l", caption),
             write_text(width - 14, 32, "r", "04:00 – 10:00, UTC")]
    parts += [part for widget in widgets for part in draw_widget(widget, series)]
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    for path, texts in TEXTS.items():
        (ROOT / path).write_text(draw_dashboard(*texts))
