/* SPDX-License-Identifier: MIT */
/*
 * flame.c: a flame graph: a box for each function of each stack, above its caller, as wide as its
 * share of the samples. Children are sorted by name, so two pictures can be compared. The file is
 * self-contained. It has a short script with which a click on a box makes it as wide as the
 * picture. Without scripts each box still shows its name and share under the pointer.
 */
#include "tools/nestctl/watch/flame.h"

#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/nestctl.h"

#define WIDTH 1200.0
#define ROW 17
#define TOP 40
#define CHAR_WIDTH 6.6
#define LEAST 0.2 /* pixels; narrower boxes are left out */
#define DEPTH_MAX 128

struct flame *flame_add(struct flame *parent, const char *name, unsigned long long count)
{
	struct flame **at = &parent->child;
	int order = 1;

	while (*at && (order = strcmp((*at)->name, name)) < 0)
		at = &(*at)->next;
	if (!*at || order) {
		struct flame *f = xalloc(sizeof(*f));

		f->name = format("%s", name);
		f->next = *at;
		*at = f;
	}
	(*at)->count += count;
	return *at;
}

static int depth_of(const struct flame *f)
{
	int most = 0;

	for (const struct flame *c = f->child; c; c = c->next) {
		int d = depth_of(c);

		most = d > most ? d : most;
	}
	return most + 1;
}

static void put_text(FILE *out, const char *s, size_t most)
{
	for (size_t i = 0; s[i] && i < most; i++) {
		switch (s[i]) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		case '"': fputs("&quot;", out); break;
		default:
			if ((unsigned char)s[i] >= ' ')
				fputc(s[i], out);
		}
	}
}

/*
 * Returns a colour: warm for programs, blue for the kernel, grey for hand-offs and idle vCPUs. The
 * shade depends on the name only, so it is the same in all pictures.
 */
static unsigned int colour_of(const char *name)
{
	unsigned int h = 2166136261u;
	size_t n = strlen(name);
	bool kernel = (n > 4 && !strcmp(name + n - 4, "_[k]")) || !strcmp(name, "[kernel]");

	if (!strcmp(name, "[hand-off]") || !strcmp(name, "[idle]"))
		return 0xb0b0b0;

	for (const char *p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	h >>= 8;
	if (kernel)
		return (90 + h % 40) << 16 | (140 + h / 64 % 50) << 8 | (210 + h / 4096 % 45);
	return (215 + h % 40) << 16 | (90 + h / 64 % 110) << 8 | (40 + h / 4096 % 30);
}

static void box(FILE *out, const struct flame *f, double x, double unit, int level, int height,
	unsigned long long all)
{
	double w = f->count * unit;
	int y = height - (level + 1) * ROW;
	size_t room = w > CHAR_WIDTH ? (size_t)(w / CHAR_WIDTH) : 0;

	if (w < LEAST || level > DEPTH_MAX)
		return;
	fprintf(out, "<g data-x=\"%.3f\" data-w=\"%.3f\"><title>", x, w);
	put_text(out, f->name, 400);
	fprintf(out,
		" (%llu samples, %.2f%%)</title><rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" "
		"height=\"%d\" "
		"fill=\"#%06x\"/><text x=\"%.2f\" y=\"%d\" data-n=\"",
		f->count, 100.0 * f->count / all, x, y, w, ROW - 1, colour_of(f->name), x + 3,
		y + 12);
	put_text(out, f->name, 400);
	fputs("\">", out);
	if (room > 3)
		put_text(out, f->name, room - 1);
	fputs("</text></g>\n", out);
	for (const struct flame *c = f->child; c; c = c->next) {
		box(out, c, x, unit, level + 1, height, all);
		x += c->count * unit;
	}
}

static const char script[] =
	"<script><![CDATA[\n"
	"var all = document.querySelectorAll('g[data-w]'), W = 1200;\n"
	"function zoom(g) {\n"
	"  var x0 = +g.dataset.x, k = W / g.dataset.w;\n"
	"  all.forEach(function (o) {\n"
	"    var x = (o.dataset.x - x0) * k, w = o.dataset.w * k, end = x + w;\n"
	"    var l = Math.max(x, 0), r = Math.min(end, W), t = o.querySelector('text'), n = "
	"t.dataset.n;\n"
	"    o.style.display = r - l > 0.2 ? '' : 'none';\n"
	"    o.querySelector('rect').setAttribute('x', l);\n"
	"    o.querySelector('rect').setAttribute('width', Math.max(r - l, 0));\n"
	"    t.setAttribute('x', l + 3);\n"
	"    var room = Math.floor((r - l) / 6.6);\n"
	"    t.textContent = room > 3 ? n.slice(0, room - 1) : '';\n"
	"  });\n"
	"}\n"
	"all.forEach(function (g) { g.addEventListener('click', function () { zoom(g); }); });\n"
	"]]></script>\n";

void flame_write(FILE *out, const struct flame *root, const char *title)
{
	int depth = depth_of(root), height;

	if (depth > DEPTH_MAX)
		depth = DEPTH_MAX;
	height = TOP + depth * ROW + 10;
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 "
		"0 %d %d\" "
		"font-family=\"monospace\" font-size=\"11\">\n<rect width=\"100%%\" "
		"height=\"100%%\" "
		"fill=\"#fffdf5\"/>\n<text x=\"8\" y=\"22\" font-size=\"15\">",
		(int)WIDTH, height, (int)WIDTH, height);
	put_text(out, title, 300);
	fputs("</text>\n", out);
	if (root->count)
		box(out, root, 0, WIDTH / root->count, 0, height - 8, root->count);
	fprintf(out, "%s</svg>\n", script);
}
