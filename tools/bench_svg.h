/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_svg.h - charts of wdbench's report as inline SVG: lines over equally
 * spaced places, and groups of horizontal bars.  Colours are classes (c0, c1,
 * ...) of the page's style sheet.
 */
#ifndef BENCH_SVG_H
#define BENCH_SVG_H

#include <stdbool.h>
#include <stdio.h>

#define SVG_SERIES 4
#define SVG_PLACES 16

struct svg_series {
	const char *name;
	double y[SVG_PLACES]; /* negative: no value */
};

struct svg_chart {
	const char *title, *x_title, *unit;
	bool log; /* the scale of values */
	unsigned int places, series;
	char place[SVG_PLACES][40];
	struct svg_series s[SVG_SERIES];
};

void svg_lines(FILE *f, const struct svg_chart *c);
/* Places @from to @to of it; the scale is that of all. */
void svg_bars(FILE *f, const struct svg_chart *c, unsigned int from,
	      unsigned int to);

/* "1.2 k": three digits and a prefix. */
const char *svg_number(double v, char *buf, size_t size);

/* @s with the characters that HTML gives a meaning replaced. */
void svg_text(FILE *f, const char *s);

#endif
