/* SPDX-License-Identifier: MIT */
/*
 * device.c: devices in the sense of udev: the `uevent` file of each device (it shows the device's
 * variables, and a write to it requests an event), the events themselves, and the directories of
 * character devices:
 *
 *	/sys/devices/virtual/CLASS/NAME/{dev,uevent,subsystem}
 *	        <- /sys/class/CLASS/NAME, /sys/dev/char/MAJOR:MINOR
 *
 * kernel/net/netlink/uevent.c, which sends the events, registers itself (uevent_ops). Locks:
 * sysfs_grow, while entries are added.
 */
#include <asm/errno.h>
#include <linux/major.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/sysfs/device.h"
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"

#define VARS_MAX 256   /* bytes of a device's variables */
#define SYNTH_MAX 1024 /* bytes of uevent_parse()'s result */
#define UUID_LEN 36U

const struct uevent_ops *uevent_ops;

void uevent_send(const struct sysfs_device *d, const char *action, const char *synth)
{
	char vars[VARS_MAX];
	const struct uevent_ops *ops = READ_ONCE(uevent_ops);

	d->vars(vars, sizeof(vars), d->arg);
	if (ops)
		ops->send(&(struct uevent){ .action = action,
			.devpath = d->devpath,
			.subsystem = d->subsystem,
			.vars = vars,
			.synth = synth });
}

/* ---- events requested by a write to uevent ---- */

static bool is_action(const char *s, size_t n)
{
	static const char *const actions[] = { "add", "remove", "change", "move", "online",
		"offline", "bind", "unbind" };

	for (u32 i = 0; i < ARRAY_SIZE(actions); i++)
		if (strlen(actions[i]) == n && !memcmp(actions[i], s, n))
			return true;
	return false;
}

static bool is_letter(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_uuid(const char *s, size_t n)
{
	if (n != UUID_LEN)
		return false;
	for (u32 i = 0; i < UUID_LEN; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-' : !is_hex(s[i]))
			return false;
	return true;
}

/* True if the text is KEY=VALUE, both of letters and digits. */
static bool is_argument(const char *s, size_t n)
{
	size_t key = 0, value;

	while (key < n && is_letter(s[key]))
		key++;
	if (!key || key == n || s[key] != '=')
		return false;
	for (value = key + 1; value < n; value++)
		if (!is_letter(s[value]))
			return false;
	return true;
}

static size_t word_length(const char *s)
{
	return strcspn(s, " \n");
}

/*
 * Parses "ACTION [UUID [KEY=VALUE ...]]": leaves the action in @text, and turns the rest into lines
 * NAME=VALUE in @synth. Returns 0 or -EINVAL.
 */
int uevent_parse(char *text, char *synth, size_t size)
{
	size_t n = word_length(text);
	char *p = text + n;
	int at;

	if (!is_action(text, n))
		return -EINVAL;
	while (*p == ' ')
		p++;
	if (!*p || *p == '\n') {
		text[n] = 0;
		strscpy(synth, "SYNTH_UUID=0\n", size);
		return 0;
	}
	n = word_length(p);
	if (!is_uuid(p, n))
		return -EINVAL;
	at = scnprintf(synth, size, "SYNTH_UUID=%.36s\n", p);
	for (p += n; *p == ' '; p += n) {
		p++;
		n = word_length(p);
		if (!is_argument(p, n) || (size_t)at + n + sizeof("SYNTH_ARG_\n") > size)
			return -EINVAL;
		at += scnprintf(synth + at, size - (size_t)at, "SYNTH_ARG_");
		memcpy(synth + at, p, n);
		at += (int)n;
		synth[at++] = '\n';
		synth[at] = 0;
	}
	text[word_length(text)] = 0;
	return 0;
}

static int show_uevent(struct seq *s, void *arg)
{
	const struct sysfs_device *d = arg;
	char vars[VARS_MAX];

	d->vars(vars, sizeof(vars), d->arg);
	seq_puts(s, vars);
	return 0;
}

static int store_uevent(char *text, size_t n, void *arg)
{
	char *synth = kmalloc(SYNTH_MAX, GFP_KERNEL);
	int err = synth ? uevent_parse(text, synth, SYNTH_MAX) : -ENOMEM;

	if (!err)
		uevent_send(arg, text, synth);
	kfree(synth);
	return err;
}

int sysfs_add_uevent(const char *dir, const struct sysfs_device *d)
{
	char path[160];

	scnprintf(path, sizeof(path), "%s/uevent", dir);
	return sysfs_create_rw(path, 0644, show_uevent, store_uevent, (void *)d);
}

/* ---- character devices ---- */

/* A character device in /sys; never freed. */
struct chrdev_entry {
	struct sysfs_device device;
	dev_t dev;
	umode_t mode;
	char node[32], devpath[64], target[80];
};

static const char *class_of(dev_t dev)
{
	switch (MAJOR(dev)) {
	case MEM_MAJOR: return "mem";
	case MISC_MAJOR: return "misc";
	default: return "tty";
	}
}

static int chrdev_vars(char *to, size_t size, void *arg)
{
	const struct chrdev_entry *c = arg;
	int n = scnprintf(to, size, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\n", MAJOR(c->dev),
		MINOR(c->dev), c->node);

	if ((c->mode & 0777) == 0666)
		n += scnprintf(to + n, size - (size_t)n, "DEVMODE=0666\n");
	return n;
}

static int show_dev(struct seq *s, void *arg)
{
	const struct chrdev_entry *c = arg;

	seq_printf(s, "%u:%u\n", MAJOR(c->dev), MINOR(c->dev));
	return 0;
}

/* Makes all entries of the device. sysfs_grow is held. Returns 0 or -errno. */
static int add_places(struct chrdev_entry *c, const char *class, const char *name)
{
	char dir[80], path[112];
	int err;

	scnprintf(dir, sizeof(dir), "devices/virtual/%s/%s", class, name);
	scnprintf(path, sizeof(path), "%s/dev", dir);
	err = sysfs_create(path, show_dev, c);
	if (!err)
		err = sysfs_add_uevent(dir, &c->device);
	scnprintf(path, sizeof(path), "%s/subsystem", dir);
	if (!err)
		err = sysfs_symlink(path, !strcmp(class, "mem")  ? "../../../../class/mem" :
					  !strcmp(class, "misc") ? "../../../../class/misc" :
								   "../../../../class/tty");
	scnprintf(path, sizeof(path), "class/%s/%s", class, name);
	if (!err)
		err = sysfs_symlink(path, c->target);
	scnprintf(path, sizeof(path), "dev/char/%u:%u", MAJOR(c->dev), MINOR(c->dev));
	return err ? err : sysfs_symlink(path, c->target);
}

int sysfs_add_chrdev(const char *node, umode_t mode, dev_t dev)
{
	const char *slash = strrchr(node, '/'), *name = slash ? slash + 1 : node;
	struct chrdev_entry *c = kzalloc(sizeof(*c), GFP_KERNEL);
	int err;

	if (!c)
		return -ENOMEM;
	c->dev = dev;
	c->mode = mode;
	strscpy(c->node, node, sizeof(c->node));
	scnprintf(c->devpath, sizeof(c->devpath), "/devices/virtual/%s/%s", class_of(dev), name);
	scnprintf(c->target, sizeof(c->target), "../..%s", c->devpath);
	c->device = (struct sysfs_device){
		.devpath = c->devpath, .subsystem = class_of(dev), .vars = chrdev_vars, .arg = c
	};
	mutex_lock(&sysfs_grow);
	err = add_places(c, class_of(dev), name);
	mutex_unlock(&sysfs_grow);
	if (!err)
		uevent_send(&c->device, "add", NULL);
	return err;
}
