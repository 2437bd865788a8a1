/* SPDX-License-Identifier: MIT */
/*
 * watch.c: `nestctl watch`: shows one instance live on one screen, records it, and replays
 * recordings. It reads files of the guest's /proc over the management console (sample.c). The
 * kernel counts these figures in any case, so an instance only has the cost of the replies.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/screen.h"
#include "tools/nestctl/core/umid.h"
#include "tools/nestctl/core/width.h"
#include "tools/nestctl/watch/frame.h"

#define ANSWER_MS 2000
#define FIRST 0.3 /* seconds to the first frame of a screen */

/* A run of `nestctl watch`. */
struct watch {
	/* all samples of a recording, or the last two of an instance */
	struct samples all;
	struct history history;
	/* counters of 0, as at the boot; its time is 0 in a recording, else the boot's */
	struct sample none;
	double delay; /* seconds between frames */
	long times;   /* frames to print; -1: no limit */
	bool json, live, paused, totals, help, delay_given;
	bool silent; /* only record */
	/* used for a live instance */
	struct umid_console console;
	const char *folder;
	/* time of the first sample, of now() */
	double begun;
	FILE *record;
	const char *record_path;
};

/* Returns seconds of CLOCK_MONOTONIC. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- showing ---- */

static const char help_text[] =
	"nestctl watch\n\n"
	"  q            end\n"
	"  p, blank     pause, and go on\n"
	"  t            rates a second, or all since the boot\n"
	"  left, right  of a recording: the frame before, the next\n"
	"  ?            this help; any key leaves it\n\n"
	"vCPU       user: in programs; sys: in the kernel; the task there now, or most\n"
	"Hand-offs  how a call or fault passed from guest to kernel: spun: the waiter saw\n"
	"           it; slept: the waiter slept; patched_calls: without a stop\n"
	"Faults     by kind, if they are counted: echo on >/proc/nestling/faults\n"
	"Memory     the frames of the machine by use\n\n"
	"docs/guide/watch.md has more.\n";

/* Returns the note of frame @i. */
static const char *note_of(const struct watch *w, size_t i)
{
	const char *what = w->totals ? "since the boot" : w->paused ? "paused" : "";

	if (w->record_path && w->console.fd < 0)
		return format("%s%s%zu of %zu", what, *what ? "  " : "", i, w->all.n - 1);
	return format("%s%s%s", what, w->record && *what ? "  " : "", w->record ? "recording" : "");
}

/*
 * Draws or prints frame @i, from 1: from sample @i - 1 to sample @i. True if it could be written.
 */
static bool show(struct watch *w, size_t i)
{
	struct frame f = {
		.of = &w->all,
		.old = w->totals ? &w->none : &w->all.at[i - 1],
		.new = &w->all.at[i],
		.history = w->live ? &w->history : NULL,
		.columns = w->live ? 80 : terminal_columns(),
		.note = w->live ? note_of(w, i) : NULL,
		.keys = w->live ? "q quit  ? help  p pause  t totals" : NULL,
	};
	char *text;
	size_t size;
	FILE *out;
	bool fine;

	if (w->json) {
		frame_print_json(&f);
		return !fflush(stdout);
	}
	if (w->live)
		screen_size(&f.columns, &f.rows);
	f.columns = f.columns ? f.columns : 80;
	out = open_memstream(&text, &size);
	if (!out)
		die("out of memory");
	frame_print(out, &f);
	fclose(out);
	fine = w->live ? screen_draw(w->help ? help_text : text) : fputs(text, stdout) >= 0;
	free(text);
	return fine && !fflush(stdout);
}

/*
 * Carries out a key. Returns false if `watch` must end. Sets *step to 1 for the recording's next
 * frame, -1 for its previous frame, else 0.
 */
static bool obey(struct watch *w, int key, int *step)
{
	*step = 0;
	if (key == KEY_GONE)
		return false;
	if (w->help && key > 0) {
		w->help = false;
		return true;
	}
	switch (key) {
	case 'q': return false;
	case '?': w->help = true; break;
	case 'p':
	case ' ': w->paused = !w->paused; break;
	case 't': w->totals = !w->totals; break;
	case KEY_RIGHT: *step = 1; break;
	case KEY_LEFT: *step = -1; break;
	default: break;
	}
	return true;
}

/*
 * Waits until @until, and as long as `watch` is paused, or until a key sets *step. Draws frame @i
 * again after a key. Returns false if `watch` must end.
 */
static bool pause_until(struct watch *w, double until, size_t i, int *step)
{
	*step = 0;
	while (w->paused || now() < until) {
		const double left = w->paused ? 3600 : until - now();
		const int key = screen_key(left > 0 ? left : 0);

		if (!obey(w, key, step))
			return false;
		if (*step)
			return true;
		if (key != KEY_TIME && w->live && i && !show(w, i))
			return false;
	}
	return true;
}

/* ---- an instance ---- */

/* Appends a sample to the file of --record, if there is one. */
static void record(struct watch *w, const struct sample *s)
{
	if (!w->record)
		return;
	sample_write(w->record, s);
	if (fflush(w->record))
		die("%s: %s", w->record_path, strerror(errno));
}

/*
 * Sets the time of the sample without counts to that of the boot, so that counts since the boot are
 * divided by the time since then.
 */
static void learn_boot(struct watch *w)
{
	size_t len;
	int err;
	char *text = umid_ask(&w->console, "proc uptime", &err, &len);

	if (text && !err)
		w->none.at = -strtod(text, NULL);
	free(text);
}

/*
 * Appends the next sample to all.at. Returns false if the instance has ended, or the user ends
 * `watch`.
 */
static bool take(struct watch *w)
{
	struct sample s;

	while (!sample_take(&s, &w->console, w->all.n ? NULL : w->all.mode)) {
		if (screen_ended() || !umid_is_same(&w->console))
			return false;
		if (screen_key(0.2) == 'q')
			return false;
	}
	if (!w->all.n)
		w->begun = now();
	s.at = now() - w->begun;
	if (w->all.n == 2) {
		sample_free(&w->all.at[0]);
		w->all.at[0] = w->all.at[1];
		w->all.n = 1;
	}
	w->all.at[w->all.n++] = s;
	if (w->all.n == 1 && w->record)
		samples_write_head(w->record, &w->all);
	record(w, &s);
	return true;
}

/* Shows frames until the user or --count ends `watch`. True if the instance has ended earlier. */
static bool watch_live(struct watch *w)
{
	double next;
	int step;

	w->all.at = xalloc(2 * sizeof(*w->all.at));
	if (!take(w))
		return !screen_ended();
	next = now() + (w->live && w->delay > FIRST ? FIRST : w->delay);
	while (pause_until(w, next, w->all.n - 1, &step)) {
		if (step)
			continue;
		if (!take(w))
			return !screen_ended() && !umid_is_same(&w->console);
		history_add(&w->history, &w->all.at[0], &w->all.at[1]);
		if (!w->silent && !show(w, 1))
			break;
		if (w->times > 0 && !--w->times)
			break;
		next += w->delay;
		next = next < now() ? now() : next;
	}
	return false;
}

static void watch_instance(struct watch *w, const char *name)
{
	const struct instance in = instance_find(name);
	bool has_ended;

	snprintf(w->all.instance, sizeof(w->all.instance), "%s", in.name);
	w->folder = in.folder;
	umid_connect(&w->console, in.folder);
	w->console.wait_ms = ANSWER_MS;
	learn_boot(w);
	if (w->record_path)
		w->record = create_private(w->record_path);
	if (w->record_path && !w->record)
		die("%s: %s", w->record_path, strerror(errno));
	w->live = !w->json && w->times < 0 && screen_enter();
	w->silent = !w->live && !w->json && w->times < 0 && w->record;
	if (w->record)
		screen_notice_signals();
	if (!w->live && w->times < 0 && !w->silent)
		w->times = 1;
	has_ended = watch_live(w);
	screen_leave();
	if (w->record && fclose(w->record))
		die("%s: %s", w->record_path, strerror(errno));
	if (has_ended && !w->silent && w->times)
		warn("%s has ended", in.name);
}

/* ---- a recording ---- */

/* Sets the history for the graphs to the frames up to @i. */
static void remember(struct watch *w, size_t i)
{
	w->history.n = 0;
	for (size_t k = i > HISTORY ? i - HISTORY + 1 : 1; k <= i; k++)
		history_add(&w->history, &w->all.at[k - 1], &w->all.at[k]);
}

/* Returns the seconds for which the frame is shown. */
static double time_of(const struct watch *w, size_t i)
{
	return w->delay_given ? w->delay : w->all.at[i].at - w->all.at[i - 1].at;
}

/* Shows the frames at the speed of the recording, and stays at the last one. */
static void replay_live(struct watch *w)
{
	size_t i = 1;
	int step;

	for (;;) {
		remember(w, i);
		w->paused = w->paused || i + 1 == w->all.n;
		if (!show(w, i))
			return;
		if (!pause_until(w, i + 1 < w->all.n ? now() + time_of(w, i + 1) : 0, i, &step))
			return;
		if (!step)
			step = 1;
		if (step < 0 && i > 1)
			i--;
		else if (step > 0 && i + 1 < w->all.n)
			i++;
	}
}

/*
 * Prints the frames one below the other. With w->times 1 prints one frame over the whole recording.
 */
static void replay_printed(struct watch *w)
{
	if (w->times == 1) {
		w->all.at[1] = w->all.at[w->all.n - 1];
		w->all.n = 2;
	}
	for (size_t i = 1; i < w->all.n && (w->times < 0 || i <= (size_t)w->times); i++) {
		if (i > 1 && !w->json)
			putchar('\n');
		if (!show(w, i))
			return;
	}
}

static void replay(struct watch *w, const char *path)
{
	samples_read(&w->all, path);
	w->record_path = path;
	w->live = !w->json && w->times < 0 && screen_enter();
	if (w->live)
		replay_live(w);
	else
		replay_printed(w);
	screen_leave();
}

/* ---- the command ---- */

static double delay_of(const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !(s >= 0.1 && s <= 3600))
		die("watch: --delay: expected seconds, at least 0.1, not '%s'", text);
	return s;
}

static long count_of(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 1)
		die("watch: -n: expected a number from 1, not '%s'", text);
	return n;
}

enum { KEY_ONCE = 512, KEY_RECORD, KEY_REPLAY };

static int watch(int argc, char **argv)
{
	struct watch w = { .delay = 1, .times = -1, .console.fd = -1 };
	const char *from = NULL, *name;

	for (int key; (key = next_option(&cmd_watch, argc, argv));)
		switch (key) {
		case 'd':
			w.delay = delay_of(optarg);
			w.delay_given = true;
			break;
		case 'n': w.times = count_of(optarg); break;
		case KEY_ONCE: w.times = 1; break;
		case KEY_RECORD: w.record_path = optarg; break;
		case KEY_REPLAY: from = optarg; break;
		default: w.json = true; break;
		}
	name = take_words(&cmd_watch, argc, argv, 0, 1)[0];
	if (from && (name || w.record_path))
		die("watch: --replay goes with no instance and no --record");
	if (from)
		replay(&w, from);
	else
		watch_instance(&w, name);
	screen_die_of_signal();
	return 0;
}

static const struct option_row options[] = {
	{ 'd', "delay", "SECONDS",
		"time between two frames (1); of a recording, which has its own times" },
	{ 'n', "count", "N",
		"print N frames, one below the other; 1 if standard output is no terminal" },
	{ KEY_ONCE, "once", NULL, "print one frame; with --replay one of the whole recording" },
	{ KEY_RECORD, "record", "FILE",
		"write the counters to a file; without a terminal and -n nothing else, until the "
		"instance ends" },
	{ KEY_REPLAY, "replay", "FILE", "show a recording" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_watch = {
	.name = "watch",
	.args = "[UMID]",
	.help = "An instance live on one screen: calls, faults, hand-offs, packets, memory, tasks.",
	.text = "Calls by name, page faults, hand-offs between kernel and guest, packets, requests "
		"to disks, memory by kind, and which task is on which vCPU, each second. The "
		"guest's "
		"kernel counts all this anyway; an instance that nobody watches pays nothing. "
		"Keys: "
		"q quits, ? explains, p pauses, t shows all since the boot; the arrows step "
		"through "
		"a recording. docs/guide/watch.md has the meaning of all figures and the format of "
		"recordings.",
	.options = options,
	.run = watch,
};
