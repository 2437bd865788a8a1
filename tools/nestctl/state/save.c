/* SPDX-License-Identifier: MIT */
/*
 * save.c: `nestctl save UMID TAG`: the kernel writes its memory and disks into a fresh folder
 * (mconsole's "state save"), then nestctl adds state.json and gives the folder its name.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/image/archive.h"
#include "tools/nestctl/run/stop.h"
#include "tools/nestctl/state/state.h"

#define SAVE_MS 600000 /* for gigabytes to a slow disk */
#define STEP_MS 200    /* between two checks of the progress */
/* names of a disk: layer, backing file, serial number, and one to spare */
#define NAMES_MAX 4

/* ---- describing the kernel ---- */

/* Returns the target of a link of /proc/PID. Dies if the process has gone. */
static const char *proc_link(const struct instance *in, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlink(format("/proc/%d/%s", (int)in->pid, name), target, sizeof(target) - 1);

	if (n < 0)
		die("%s: /proc/%d/%s: %s", in->name, (int)in->pid, name, strerror(errno));
	target[n] = '\0';
	return format("%s", target);
}

/* True for a parameter that only a restored kernel has. */
static bool is_of_restore(const char *param)
{
	static const char *const names[] = {
		"restore=", "fresh=", "ready=", "hold=", "identity=", "old="
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(param, names[i], strlen(names[i])))
			return true;
	return false;
}

/*
 * Copies the parameters, except for the program's name and those that an earlier restore has added.
 */
static const char **params_of(char *const *argv)
{
	size_t n = 0, to = 0;
	const char **params;

	while (argv[n])
		n++;
	params = xalloc((n + 1) * sizeof(*params));
	for (size_t i = 1; i < n; i++)
		if (!is_of_restore(argv[i]))
			params[to++] = argv[i];
	return params;
}

static const char *parent_of(const struct instance *in)
{
	const char *parent = head_get(in->pid);

	return parent && !access(state_folder(parent), F_OK) ? parent : NULL;
}

static void describe_kernel(struct state *s, const struct instance *in)
{
	static const char gone[] = " (deleted)";
	size_t n;

	s->umid = in->name;
	s->cwd = proc_link(in, "cwd");
	s->kernel = proc_link(in, "exe");
	n = strlen(s->kernel);
	if (n > strlen(gone) && !strcmp(s->kernel + n - strlen(gone), gone))
		s->kernel = format("%.*s", (int)(n - strlen(gone)), s->kernel);
	s->build = build_id_of(format("/proc/%d/exe", (int)in->pid));
	if (!s->build)
		die("%s: its kernel %s has no build id", in->name, s->kernel);
	s->params = params_of(in->argv);
	s->boot = machine_find(in, &s->boot_size);
	s->parent = parent_of(in);
}

/* ---- describing the devices ---- */

/* Returns the absolute path of a file whose name the instance has reported. */
static const char *path_of(const struct state *s, const char *name)
{
	return *name == '/' ? name : format("%s/%s", s->cwd, name);
}

static void add_image(
	struct state *s, const struct instance *in, const char *device, const char *name)
{
	const char *path = path_of(s, name);
	struct stat st;
	int err;

	if (!strncmp(path, "/proc/self/", 11))
		die("%s: %s reads an inherited descriptor, which a later kernel has not", s->umid,
			device);
	err = state_image_read(path, &s->images[s->nr_images++]);
	if (err)
		die("%s: %s: %s: %s", s->umid, device, path, strerror(err));
	/* no instance could continue from a state over another file */
	if (!stat(path, &st) && !process_has_open(in->pid, is_file_of, &st))
		die("%s: %s: %s: the image is not the file that the instance has open: put it back",
			s->umid, device, path);
}

/*
 * If the file is a hard link to a file of the parent's, takes its checksum from the parent and
 * returns true.
 */
static bool take_sum(const struct state *parent, int dirfd, struct state_file *f)
{
	const struct state_file *of;
	struct stat st, other;

	if (!parent || fstatat(dirfd, f->name, &st, AT_SYMLINK_NOFOLLOW))
		return false;
	for (size_t i = 0; (of = state_nth_file(parent, i)); i++) {
		if (fstatat(parent->fd, of->name, &other, AT_SYMLINK_NOFOLLOW) ||
			other.st_dev != st.st_dev || other.st_ino != st.st_ino ||
			of->size != f->size)
			continue;
		f->sum = of->sum;
		return true;
	}
	return false;
}

/*
 * Fills @f from a file that the kernel has written. A state without a name gets no checksum.
 * Returns false if there is none of this name.
 */
static bool note_file(
	const struct state *s, const struct state_new *n, const char *name, struct state_file *f)
{
	return state_file_look(n->fd, name, s->umid, f) &&
	       (n->unnamed || take_sum(n->parent, n->fd, f) ||
		       state_file_read(n->fd, name, s->umid, f));
}

/* Fills in the files that have a disk's changes. Returns false if the folder has none. */
static bool note_layers(struct state *s, const struct state_new *n, int unit)
{
	struct state_disk *d = &s->disks[unit];

	for (int k = 0; k < STATE_PARTS; k++)
		if (!note_file(s, n, format("ubd%d.layer.%d", unit, k + 1), &d->below[k]))
			break;
	return note_file(s, n, format("ubd%d.layer", unit), &d->layer);
}

static const char *without_letter(const char *letters, char letter)
{
	const char *at = strchr(letters, letter);

	return at ? format("%.*s%s", (int)(at - letters), letters, at + 1) : letters;
}

/* Describes a disk. A disk that the kernel has written to the folder has a layer. */
static void describe_disk(struct state *s, const struct instance *in, struct umid_console *c,
	int unit, const struct state_new *made)
{
	struct state_disk *d = &s->disks[unit];
	const char *device = format("ubd%d", unit), *names[NAMES_MAX], *flags = "";
	char *args = device_query(c, device);
	size_t n = args ? device_names(args, names, NAMES_MAX) : 0;
	bool written = note_layers(s, made, unit);
	const char *param = device_param(s->params, device, &flags);
	const char *first[NAMES_MAX];

	if (!n && !written)
		return;
	if (!n)
		die("%s: %s went away while it was saved", s->umid, device);
	/*
	 * a disk that was plugged in later has no flags in the parameters; the kernel has its own
	 */
	if (!param || !device_names(param, first, NAMES_MAX) || strcmp(first[0], names[0]) != 0)
		flags = "";
	/*
	 * Flag k asks for the same file after a reboot, but a restored disk gets another file.
	 * Flag x means that nothing reads the file after the instance's end: not true for a state.
	 */
	d->flags = without_letter(without_letter(flags, 'k'), 'x');
	if (n > 1 && *names[1])
		d->backing = path_of(s, names[1]);
	if (!written)
		add_image(s, in, device, names[0]);
	if (d->backing)
		add_image(s, in, device, names[1]);
	if (!unit)
		s->image = d->backing ? d->backing : path_of(s, names[0]);
}

/* Describes memory and CPUs, whose size may have changed since the start. */
static void describe_machine(struct state *s, struct umid_console *c)
{
	char *mem = device_query(c, "mem"), *text;
	size_t len;
	int err;

	s->mem = mem ? strtoull(mem, NULL, 10) : 0;
	free(mem);
	text = umid_ask(c, "proc cpuinfo", &err, &len);
	if (!text)
		die("%s: no answer", s->umid);
	for (const char *p = text; (p = strstr(p, "processor\t")); p++)
		s->cpus++;
	free(text);
}

static void describe_devices(struct state *s, const struct instance *in, struct umid_console *c,
	const struct state_new *made)
{
	s->image = "";
	s->images = xalloc(2 * STATE_DISKS * sizeof(*s->images));
	for (int i = 0; i < STATE_DISKS; i++)
		describe_disk(s, in, c, i, made);
	for (int i = 0; i < STATE_CARDS; i++)
		s->cards[i] = device_query(c, format("eth%d", i));
}

/* ---- saving ---- */

/*
 * If a state replaces its own parent, sets its parent to the parent's parent, or to none if the
 * parent @old cannot be read (NULL).
 */
static void adopt(struct state *s, const struct state *old, const struct state_new *n)
{
	if (s->parent && !strcmp(state_folder(s->parent), n->folder))
		s->parent = old ? old->parent : NULL;
}

/* Shows how much the kernel has written, until it answers. Without a terminal returns at once. */
static void show_growth(const struct state *s, struct umid_console *c, const struct state_new *n)
{
	const char *what = format("save %s", s->umid);
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int left = SAVE_MS;

	while (isatty(2) && left > 0 && umid_is_same(c) && !poll(&p, 1, STEP_MS)) {
		struct stat st = { 0 };

		fstatat(n->fd, STATE_MEMORY, &st, AT_SYMLINK_NOFOLLOW);
		progress_count(what, 1, (uint64_t)st.st_blocks * 512);
		left -= STEP_MS;
	}
	progress_end();
}

static void ask_kernel(struct state *s, struct umid_console *c, const struct state_new *n)
{
	unsigned long long stopped;
	char *text;
	size_t len;
	int err;

	c->wait_ms = SAVE_MS;
	if (!umid_send(c, format("state save %s", n->made), NULL, 0))
		die("%s: the instance has ended", s->umid);
	show_growth(s, c, n);
	text = umid_reply(c, &err, &len);
	if (!text)
		die("%s: the instance has ended, or does not answer", s->umid);
	text[strcspn(text, "\n")] = '\0';
	if (err)
		die("%s: %s", s->umid, *text ? text : strerror(err < 0 ? -err : err));
	if (sscanf(text, "stopped %llu", &stopped) != 1)
		die("%s: unexpected answer '%s'", s->umid, text);
	s->stopped_ns = stopped;
	free(text);
}

/* Describes the files that the kernel has written to the folder, and the devices. */
static void describe_files(struct state *s, const struct instance *in, struct umid_console *c,
	const struct state_new *n)
{
	if (!note_file(s, n, STATE_MEMORY, &s->memory))
		die("%s: the kernel has written no memory", s->umid);
	describe_machine(s, c);
	describe_devices(s, in, c, n);
}

struct state save_described(const struct instance *in, struct umid_console *c, int dirfd)
{
	struct state s = {
		.name = in->name, .fd = -1, .created = (uint64_t)time(NULL), .trusted = true
	};
	struct state_new n = { .fd = dirfd, .unnamed = true };

	describe_kernel(&s, in);
	describe_files(&s, in, c, &n);
	return s;
}

struct state save_instance(const struct instance *in, struct state_new *n, const char *name)
{
	struct state s = { .name = name, .folder = n->folder, .fd = -1, .trusted = true };
	struct state open = { .fd = -1 }, *parent = NULL;
	struct umid_console c;

	describe_kernel(&s, in);
	open.name = s.parent;
	if (s.parent && !attempt(state_open_at, &open))
		parent = &open;
	adopt(&s, parent, n);
	/*
	 * Nothing is shared with a parent that cannot be read, is in use or was altered: the seal
	 * of the new state would vouch for its files.
	 */
	if (parent && !state_is_untouched(parent))
		parent = NULL;
	s.created = (uint64_t)time(NULL);
	umid_connect(&c, in->folder);
	n->parent = parent;
	older_link(parent, n);
	ask_kernel(&s, &c, n);
	describe_files(&s, in, &c, n);
	older_describe(&s, parent, n->fd);
	close(c.fd);
	state_write(&s, n->fd);
	n->parent = NULL;
	state_close(&open);
	return s;
}

/* ---- the command ---- */

static uint64_t size_on_disk(const struct state *s)
{
	const struct state_file *f;
	uint64_t size = 0;

	for (size_t i = 0; (f = state_nth_file(s, i)); i++)
		size += f->disk;
	return size;
}

static void print_json(const struct state *s)
{
	json_open(NULL, '{');
	json_text("name", s->name);
	json_text("folder", s->folder);
	json_text("umid", s->umid);
	json_text("parent", s->parent);
	json_number("stopped_ns", (int64_t)s->stopped_ns);
	json_number("disk", (int64_t)size_on_disk(s));
	json_close('}');
}

static const char *last_part(const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	path = format("%.*s", (int)n, path);
	return strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
}

enum { KEY_STOP = 256 };

/* True if @name is an image and no running instance: docker's save takes images. */
static bool is_image_only(const char *name)
{
	size_t n;

	if (strchr(name, '/'))
		return false;
	instances_find(name, &n);
	return !n && !access(image_path(image_stem(name)), F_OK);
}

/* Does `nestctl image save`. @state: NULL, or the option that only a state can have. */
static void save_images(char **names, const char *out, const char *state)
{
	char **words, **w;
	size_t n = 0;

	if (state)
		die("save: %s: %s is an image, and no instance of this name runs", state, *names);
	while (names[n]) {
		if (!strchr(names[n], '/') && access(image_path(image_stem(names[n])), F_OK))
			die("save: %s: there is no such image; %s is one, and no instance of this "
			    "name runs",
				names[n], *names);
		n++;
	}
	w = words = xalloc((n + 4) * sizeof(*words));
	*w++ = format("save");
	if (out)
		*w++ = format("--output=%s", out);
	*w++ = format("--");
	memcpy(w, names, n * sizeof(*w));
	helper_run(&cmd_image_save, (int)(w - words) + (int)n, words);
}

static int save(int argc, char **argv)
{
	const char *out = NULL, *name, *state_only;
	bool stop = false, force = false, json = false;
	struct instance in;
	struct state_new n;
	struct state s;
	char **words;

	for (int key; (key = next_option(&cmd_save, argc, argv));)
		switch (key) {
		case KEY_STOP: stop = true; break;
		case 'o': out = strchr(optarg, '/') ? optarg : format("./%s", optarg); break;
		case 'f': force = true; break;
		default: json = true;
		}
	state_only = stop ? "--stop" : force ? "--force" : json ? "--json" : NULL;
	words = take_words(&cmd_save, argc, argv, 1, -1);
	if (is_image_only(words[0]))
		save_images(words, out, state_only);
	if (words[1])
		take_words(&cmd_save, argc, argv, 1, 2);
	if (!out && !words[1])
		die("save: which name has the state? nestctl save %s TAG", words[0]);
	if (words[1] && strchr(words[1], '/'))
		die("%s: a state's name has no slash; -o saves to a path", words[1]);
	name = out ? out : words[1];
	in = instance_find(words[0]);
	n = state_begin(name, force);
	s = save_instance(&in, &n, words[1] ? words[1] : last_part(out));
	state_publish(&n);
	if (stop)
		instance_kill(&in);
	else
		head_set(in.pid, out ? n.folder : name);
	if (json)
		print_json(&s);
	else
		printf("%s: %s; %s stood still for %.1f ms\n", name,
			size_text((double)size_on_disk(&s)), in.name, (double)s.stopped_ns / 1e6);
	return 0;
}

static const struct option_row options[] = {
	{ KEY_STOP, "stop", NULL, "end the instance once its state is on the disk" },
	{ 'o', "output", "PATH",
		"the state's folder, instead of one in the store; of an image, the archive" },
	{ 'f', "force", NULL, "replace an existing state" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_save = {
	.name = "save",
	.args = "UMID [TAG]  or  IMAGE...",
	.help = "Saves the state of an instance: memory, devices and disks.",
	.text = "The instance stands still while its memory is copied, and goes on. restore starts "
		"it again from there, as often as wanted; rollback puts the instance itself back; "
		"clone starts copies.\n\nTAG names the state. It is a folder in the store, or at "
		"PATH, which appears when it is complete. It holds the guest's memory, so its "
		"secrets too, and is readable by its owner only. Its parent is the state that the "
		"instance was last saved to, started from or put back to. Each state is whole by "
		"itself.\n\nAn image, if no instance of its name runs, is written as an archive, "
		"with all further images, as docker's save and nestctl image save do: to FILE "
		"with -o, or to standard output.\n\nImages and backing files are not copied: they "
		"must stay as they are. "
		"What becomes of connections is in docs/state.md.\n\n\tnestctl save web ready\n"
		"\tnestctl restore ready --name web2",
	.options = options,
	.run = save,
};
