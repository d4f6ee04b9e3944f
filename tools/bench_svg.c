/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench_svg.h"

#include <math.h>
#include <string.h>

/* Of a line chart, in units of its view box. */
#define WIDTH  560.0
#define HEIGHT 300.0
#define LEFT   62.0
#define RIGHT  62.0
#define TOP    52.0
#define BOTTOM 44.0

/* Of a bar chart. */
#define BAR	  15.0
#define BAR_GAP	  3.0
#define GROUP_GAP 14.0
#define NAMES	  226.0
#define VALUES	  70.0

struct scale {
	double low, high;
	bool log;
};

void svg_text(FILE *f, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			fputc(*s, f);
		}
	}
}

static const char *number(double v, const char *format, char *buf, size_t size)
{
	static const struct {
		double unit;
		const char *prefix;
	} prefixes[] = {
		{ 1e9, " G" }, { 1e6, " M" }, { 1e3, " k" }, { 1, "" }
	};
	char digits[24];
	unsigned int i = 0;

	while (i < 3 && v < prefixes[i].unit * 0.9995)
		i++;
	snprintf(digits, sizeof(digits), format, v / prefixes[i].unit);
	snprintf(buf, size, "%s%s", digits, prefixes[i].prefix);
	return buf;
}

const char *svg_number(double v, char *buf, size_t size)
{
	double m = v;

	while (m >= 999.5)
		m /= 1000;
	return number(v,
		      m >= 99.95 || v == 0 ? "%.0f"
		      : m >= 9.995	   ? "%.1f"
					   : "%.2f",
		      buf, size);
}

static struct scale scale_of(const struct svg_chart *c)
{
	struct scale s = { .low = INFINITY, .log = c->log };

	for (unsigned int i = 0; i < c->series; i++) {
		for (unsigned int p = 0; p < c->places; p++) {
			if (c->s[i].y[p] < 0)
				continue;
			s.low = fmin(s.low, c->s[i].y[p]);
			s.high = fmax(s.high, c->s[i].y[p]);
		}
	}
	if (s.log) {
		s.low = pow(10, floor(log10(fmax(s.low, 1e-3)) + 1e-9));
		s.high = pow(10, ceil(log10(fmax(s.high, s.low * 2)) - 1e-9));
	} else {
		s.low = 0;
		s.high = s.high > 0 ? s.high * 1.08 : 1;
	}
	return s;
}

/* 0 to 1. */
static double at(const struct scale *s, double v)
{
	if (!s->log)
		return v / s->high;
	v = fmax(v, s->low);
	return log(v / s->low) / log(s->high / s->low);
}

/* Round steps, four or five of them. */
static double step_of(const struct scale *s)
{
	double raw = s->high / 4.5, unit = pow(10, floor(log10(raw)));
	double m = raw / unit;

	return unit * (m < 1.5 ? 1 : m < 3.5 ? 2 : m < 7.5 ? 5 : 10);
}

static double next_tick(const struct scale *s, double v)
{
	return s->log ? v * 10 : v + step_of(s);
}

static void legend(FILE *f, const struct svg_chart *c, double left)
{
	double x = left;

	fprintf(f, "<text class='title' x='%g' y='18'>", left);
	svg_text(f, c->title);
	fprintf(f, "</text>\n");
	for (unsigned int i = 0; i < c->series; i++) {
		fprintf(f,
			"<rect class='c%u' x='%.1f' y='30' width='11' "
			"height='11' rx='2'/><text class='legend' x='%.1f' "
			"y='40'>",
			i, x, x + 16);
		svg_text(f, c->s[i].name);
		fprintf(f, "</text>\n");
		x += 34 + 6.6 * (double)strlen(c->s[i].name);
	}
}

/* ---- lines ------------------------------------------------------------------ */

static double x_of(const struct svg_chart *c, unsigned int place)
{
	double room = WIDTH - LEFT - RIGHT;

	return LEFT +
	       (c->places > 1 ? room * place / (c->places - 1) : room / 2);
}

static double y_of(const struct scale *s, double v)
{
	return HEIGHT - BOTTOM - at(s, v) * (HEIGHT - TOP - BOTTOM);
}

static void grid(FILE *f, const struct svg_chart *c, const struct scale *s)
{
	double v = s->low;
	char buf[32];

	while (v <= s->high * 1.0001) {
		fprintf(f,
			"<line class='grid' x1='%g' y1='%.1f' x2='%g' "
			"y2='%.1f'/><text class='tick' text-anchor='end' "
			"x='%g' y='%.1f'>%s</text>\n",
			LEFT, y_of(s, v), WIDTH - RIGHT, y_of(s, v), LEFT - 7,
			y_of(s, v) + 4, number(v, "%.4g", buf, sizeof(buf)));
		v = next_tick(s, v);
	}
	for (unsigned int p = 0; p < c->places; p++) {
		fprintf(f,
			"<text class='tick' text-anchor='middle' x='%.1f' "
			"y='%g'>",
			x_of(c, p), HEIGHT - BOTTOM + 17);
		svg_text(f, c->place[p]);
		fprintf(f, "</text>\n");
	}
	fprintf(f, "<text class='axis' text-anchor='middle' x='%g' y='%g'>",
		(LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8);
	svg_text(f, c->x_title);
	fprintf(f,
		"</text><text class='axis' text-anchor='end' x='%g' "
		"y='%g'>%s</text>\n",
		WIDTH, TOP - 8, c->unit);
}

/* Values at the right ends, moved apart where they would overlap. */
static void end_labels(FILE *f, const struct svg_chart *c,
		       const struct scale *s)
{
	double taken[SVG_SERIES];
	unsigned int n = 0;
	char buf[32];

	for (unsigned int i = 0; i < c->series; i++) {
		double v = c->s[i].y[c->places - 1], y;

		if (v < 0)
			continue;
		y = y_of(s, v) + 4;
		for (unsigned int k = 0; k < n; k++)
			if (fabs(taken[k] - y) < 13)
				y = y < taken[k] ? taken[k] - 13
						 : taken[k] + 13;
		taken[n++] = y;
		fprintf(f,
			"<text class='value t%u' x='%g' y='%.1f'>%s</text>\n",
			i, WIDTH - RIGHT + 8, y,
			svg_number(v, buf, sizeof(buf)));
	}
}

static void one_line(FILE *f, const struct svg_chart *c, const struct scale *s,
		     unsigned int i)
{
	const struct svg_series *l = &c->s[i];
	char buf[32];

	fprintf(f, "<polyline class='l%u' points='", i);
	for (unsigned int p = 0; p < c->places; p++)
		if (l->y[p] >= 0)
			fprintf(f, "%.1f,%.1f ", x_of(c, p), y_of(s, l->y[p]));
	fprintf(f, "'/>\n");
	for (unsigned int p = 0; p < c->places; p++) {
		if (l->y[p] < 0)
			continue;
		fprintf(f,
			"<circle class='c%u' cx='%.1f' cy='%.1f' r='3.5'>"
			"<title>",
			i, x_of(c, p), y_of(s, l->y[p]));
		svg_text(f, l->name);
		fprintf(f, ", %s: %s %s</title></circle>\n", c->place[p],
			svg_number(l->y[p], buf, sizeof(buf)), c->unit);
	}
}

void svg_lines(FILE *f, const struct svg_chart *c)
{
	struct scale s = scale_of(c);

	fprintf(f, "<svg viewBox='0 0 %g %g' role='img'>\n", WIDTH, HEIGHT);
	legend(f, c, 4);
	grid(f, c, &s);
	for (unsigned int i = 0; i < c->series; i++)
		one_line(f, c, &s, i);
	end_labels(f, c, &s);
	fprintf(f, "</svg>\n");
}

/* ---- bars ------------------------------------------------------------------- */

static void one_bar(FILE *f, const struct svg_chart *c, const struct scale *s,
		    unsigned int i, unsigned int p, double y)
{
	double v = c->s[i].y[p], w;
	char buf[32];

	if (v < 0)
		return;
	w = fmax(1.5, at(s, v) * (WIDTH - NAMES - VALUES));
	fprintf(f,
		"<rect class='c%u' x='%g' y='%.1f' width='%.1f' "
		"height='%g' rx='2'><title>",
		i, NAMES, y, w, BAR);
	svg_text(f, c->s[i].name);
	fprintf(f,
		"</title></rect><text class='value t%u' x='%.1f' "
		"y='%.1f'>%s</text>\n",
		i, NAMES + w + 6, y + BAR - 3, svg_number(v, buf, sizeof(buf)));
}

void svg_bars(FILE *f, const struct svg_chart *c, unsigned int from,
	      unsigned int to)
{
	struct scale s = scale_of(c);
	double group = c->series * (BAR + BAR_GAP) + GROUP_GAP;
	double y = TOP + 8, end = TOP + 8 + (to - from) * group;

	fprintf(f, "<svg viewBox='0 0 %g %g' role='img'>\n", WIDTH, end);
	legend(f, c, 4);
	fprintf(f,
		"<line class='grid' x1='%g' y1='%g' x2='%g' y2='%g'/>"
		"<text class='axis' text-anchor='end' x='%g' y='%g'>%s%s"
		"</text>\n",
		NAMES - 1, TOP, NAMES - 1, end - GROUP_GAP, WIDTH, TOP - 8,
		c->unit, c->log ? ", log scale" : "");
	for (unsigned int p = from; p < to; p++) {
		fprintf(f,
			"<text class='name' text-anchor='end' x='%g' "
			"y='%.1f'>",
			NAMES - 9, y + (group - GROUP_GAP) / 2 + 4);
		svg_text(f, c->place[p]);
		fprintf(f, "</text>\n");
		for (unsigned int i = 0; i < c->series; i++)
			one_bar(f, c, &s, i, p, y + i * (BAR + BAR_GAP));
		y += group;
	}
	fprintf(f, "</svg>\n");
}
