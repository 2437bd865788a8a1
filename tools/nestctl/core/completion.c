/* SPDX-License-Identifier: MIT */
/*
 * completion.c: `nestctl completion bash|zsh` prints the shell's completion script. The scripts
 * contain the table; they call nestctl for names of images, instances and states (`nestctl image
 * list --names`, `nestctl list --names`, `nestctl states --names`).
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"

/*
 * Returns how a value is completed, a word of the shell functions below: "file", "dir", "image",
 * "umid", "state", "none", or "=a b c". The first word in capitals, without brackets, decides.
 */
static const char *kind_of(const char *arg, size_t len)
{
	static const struct {
		const char *word, *kind;
	} kinds[] = {
		{ "FILE", "file" },
		{ "PATH", "file" },
		{ "OUT", "file" },
		{ "NEW", "file" },
		{ "B", "file" },
		{ "DIR", "dir" },
		{ "HOSTDIR", "dir" },
		{ "IMAGE", "image" },
		{ "UMID", "umid" },
		{ "TAG", "state" },
		{ "ARCHIVE", "file" },
	};

	while (len && (*arg == '[' || *arg == '-')) {
		arg++;
		len--;
	}
	size_t word = 0;

	while (word < len && (isalnum((unsigned char)arg[word]) || arg[word] == '|'))
		word++;
	if (memchr(arg, '|', word) && islower((unsigned char)*arg)) {
		char *words = format("=%.*s", (int)word, arg);

		for (char *p = words; *p; p++)
			if (*p == '|')
				*p = ' ';
		return words;
	}
	if (isupper((unsigned char)*arg) && memchr(arg, '|', word))
		word = (size_t)((const char *)memchr(arg, '|', word) - arg);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].word) == word && !strncmp(arg, kinds[i].word, word))
			return kinds[i].kind;
	return "none";
}

/*
 * Prints how each word after the options is completed, from text like "IMAGE FILE...". The last
 * kind repeats.
 */
static void print_words(const char *args)
{
	bool first = true;

	while (args && *args) {
		size_t n = strcspn(args, " ");

		if (strncmp(args, "[--", 3)) {
			printf("%s%s", first ? "" : ";", kind_of(args, n));
			first = false;
		} else if (args[3] == ' ' || args[3] == '\0') {
			printf("%snone", first ? "" : ";"); /* words of a guest's command */
			return;
		}
		args += n;
		args += strspn(args, " ");
	}
	if (first)
		printf("none");
}

/* true: print associative arrays in zsh's form; false: in bash's */
static bool zsh;

static void print_key(const char *a, const char *b, const char *c)
{
	printf(zsh ? "\t'%s%s%s' " : "\t['%s%s%s']=", a, b, c);
}

/* Prints the commands and options that may follow each command. */
static void print_rows(const struct command *const *table)
{
	for (; *table; table++) {
		const struct command *c = *table;

		if (c->hidden)
			continue;
		print_key(c->name, "", "");
		putchar('\'');
		for (const struct command *const *s = c->sub; s && *s; s++)
			if (!(*s)->hidden)
				printf("%s ", command_verb(*s));
		printf("--help");
		for (const struct option_row *o = c->options; o && (o->key || o->name); o++) {
			if (!o->help)
				continue;
			if (o->name)
				printf(" --%s", o->name);
			if (o->key < 256)
				printf(" -%c", o->key);
		}
		puts("'");
		if (c->sub)
			print_rows(c->sub);
	}
}

/*
 * Prints how values and words are completed, with keys "COMMAND OPTION" and "COMMAND". Semicolons
 * separate the kinds.
 */
static void print_values(const struct command *const *table)
{
	for (; *table; table++) {
		const struct command *c = *table;

		if (c->hidden)
			continue;
		for (const struct option_row *o = c->options; o && (o->key || o->name); o++) {
			if (!o->help || !o->arg || value_is_optional(o))
				continue;
			const char *kind = kind_of(o->arg, strlen(o->arg));

			if (o->name)
				print_key(c->name, " --", o->name);
			if (o->name)
				printf("'%s'\n", kind);
			if (o->key < 256)
				print_key(c->name, " -", (const char[]){ (char)o->key, 0 });
			if (o->key < 256)
				printf("'%s'\n", kind);
		}
		if (!c->sub) {
			print_key(c->name, "", "");
			putchar('\'');
			print_words(c->args);
			puts("'");
		} else {
			print_values(c->sub);
		}
	}
}

/*
 * Shell functions for both shells: one walks over the words in front of the word to complete, one
 * prints the names of a kind.
 */
static const char walk[] =
	"# Sets what: words to choose from; or kind: what the shell or nestctl knows.\n"
	"_nestctl_walk() { # WORD...: those before the one to complete\n"
	"\tlocal w cmd= value= key n=0\n"
	"\twhat= kind=none\n"
	"\tfor w; do\n"
	"\t\tif [[ -n $value ]]; then value=; continue; fi\n"
	"\t\tif [[ $w == -- ]]; then return; fi # the guest's programs are not known here\n"
	"\t\tkey=\"$cmd $w\"\n"
	"\t\tif [[ $w == -* ]]; then\n"
	"\t\t\tif [[ $w != *=* && -n ${_nestctl_values[$key]-} ]]; then value=$key; fi\n"
	"\t\telif key=\"${cmd:+$cmd }$w\" && [[ -n ${_nestctl_words[$key]-} && $n -eq 0 ]]; then\n"
	"\t\t\tcmd=$key\n"
	"\t\telse\n"
	"\t\t\tn=$((n + 1))\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tif [[ -n $value ]]; then kind=${_nestctl_values[$value]}; return; fi\n"
	"\tif [[ -z $cmd ]]; then what=$_nestctl_top; return; fi\n"
	"\twhat=${_nestctl_words[$cmd]}\n"
	"\tlocal kinds=${_nestctl_values[$cmd]-}\n"
	"\twhile [[ $n -gt 0 && $kinds == *';'* ]]; do kinds=${kinds#*;} n=$((n - 1)); done\n"
	"\tkind=${kinds%%;*}\n"
	"}\n"
	"_nestctl_names() { # KIND\n"
	"\tcase $1 in\n"
	"\timage) nestctl image list --names 2>/dev/null ;;\n"
	"\tumid) nestctl list --names 2>/dev/null ;;\n"
	"\tstate) nestctl states --names 2>/dev/null ;;\n"
	"\t'='*) printf '%s\\n' \"${1#=}\" ;;\n"
	"\tesac\n"
	"}\n";

/*
 * Completion of nestling, whose parameters come from its own --help: one "NAME= HELP" a line, with
 * N or * for a number. A parameter's value is completed with files if its help names a PATH or
 * FILE, or with the words at the beginning of its help.
 */
static const char nestling_walk[] =
	"_nestling_help() { # the parameters and what they say, ubd*= as ubd0=\n"
	"\t\"${1:-nestling}\" --help 2>/dev/null | sed -n -e 's/^  ubd\\* /  ubd0= /' -e 's/^  "
	"\\([a-z]*\\)N= /  \\10= /' -e 's/^  \\([-a-z_0-9]*=\\{0,1\\}\\) */\\1 /p'\n"
	"}\n"
	"_nestling_values() { # PARAMETER: file, its words, or nothing\n"
	"\tlocal help=$(_nestling_help \"$2\" | sed -n \"s/^$1= *//p\")\n"
	"\tcase $help in\n"
	"\t*PATH* | *FILE*) echo file ;;\n"
	"\t'on or off'*) echo on off ;;\n"
	"\t'on, off or auto'*) echo on off auto ;;\n"
	"\t'auto, spin or sleep'*) echo auto spin sleep ;;\n"
	"\t'restart or panic'*) echo restart panic ;;\n"
	"\t'on|'*) help=${help%%[: ]*} && echo ${help//|/ } ;;\n"
	"\tesac\n"
	"}\n";

static const char nestling_bash_end[] =
	"_nestling() {\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} word values\n"
	"\tword=${line##* } COMPREPLY=()\n"
	"\tif [[ $word != *=* ]]; then\n"
	"\t\tCOMPREPLY=($(compgen -W \"$(_nestling_help \"$1\" | cut -d' ' -f1)\" -- \"$word\"))\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tvalues=$(_nestling_values \"${word%%=*}\" \"$1\")\n"
	"\tif [[ $values == file ]]; then compopt -o filenames; COMPREPLY=($(compgen -f -- "
	"\"${word##*[=,]}\"))\n"
	"\telse COMPREPLY=($(compgen -W \"$values\" -- \"${word#*=}\")); fi\n"
	"}\n"
	"complete -o nospace -F _nestling nestling\n";

static const char nestling_zsh_end[] =
	"_nestling() {\n"
	"\tlocal word=${words[CURRENT]} values\n"
	"\tif [[ $word != *=* ]]; then\n"
	"\t\tcompadd -S '' -- ${(f)\"$(_nestling_help ${words[1]} | cut -d' ' -f1)\"}\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tvalues=$(_nestling_values ${word%%=*} ${words[1]})\n"
	"\tcompset -P '*[=,]'\n"
	"\tif [[ $values == file ]]; then _files; else compadd -- ${=values}; fi\n"
	"}\n"
	"compdef _nestling nestling\n";

static const char bash_end[] =
	"_nestctl() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} what kind\n"
	"\t_nestctl_walk \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"\n"
	"\tCOMPREPLY=()\n"
	"\tif [[ $cur == -* || -z $kind ]]; then\n"
	"\t\tCOMPREPLY=($(compgen -W \"$what\" -- \"$cur\"))\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tcase $kind in\n"
	"\tnone) COMPREPLY=($(compgen -W \"$what\" -- \"$cur\")) ;;\n"
	"\tfile) compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
	"\tdir) compopt -o filenames -o nospace; COMPREPLY=($(compgen -d -- \"$cur\")) ;;\n"
	"\t*) COMPREPLY=($(compgen -W \"$(_nestctl_names \"$kind\")\" -- \"$cur\"))\n"
	"\t\tif [[ $kind == image && $cur == */* ]]; then\n"
	"\t\t\tcompopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))\n"
	"\t\tfi ;;\n"
	"\tesac\n"
	"}\n"
	"complete -F _nestctl nestctl\n";

static const char zsh_end[] =
	"_nestctl() {\n"
	"\tlocal what kind cur=${words[CURRENT]}\n"
	"\tlocal -a before\n"
	"\tbefore=(\"${(@)words[2,CURRENT-1]}\")\n"
	"\t_nestctl_walk \"${before[@]}\"\n"
	"\tif [[ $cur == -* || -z $kind ]]; then compadd -- ${=what}; return; fi\n"
	"\tcase $kind in\n"
	"\tnone) compadd -- ${=what} ;;\n"
	"\tfile) _files ;;\n"
	"\tdir) _files -/ ;;\n"
	"\t*) compadd -- ${=\"$(_nestctl_names \"$kind\")\"}\n"
	"\t\tif [[ $kind == image && $cur == */* ]]; then _files; fi ;;\n"
	"\tesac\n"
	"}\n"
	"compdef _nestctl nestctl\n";

static int completion(int argc, char **argv)
{
	while (next_option(&cmd_completion, argc, argv))
		;
	const char *shell = take_words(&cmd_completion, argc, argv, 1, 1)[0];
	zsh = !strcmp(shell, "zsh");

	if (!zsh && strcmp(shell, "bash"))
		die("completion: for bash and zsh, not for '%s'", shell);
	if (zsh)
		puts("#compdef nestctl nestling");
	puts("# nestctl's completion; made by `nestctl completion`.");
	puts(zsh ? "typeset -gA _nestctl_words _nestctl_values" :
		   "declare -gA _nestctl_words _nestctl_values");
	puts("_nestctl_words=(");
	print_rows(commands);
	puts(")\n_nestctl_values=(");
	print_values(commands);
	printf(")\n_nestctl_top='--help --version help");
	for (const struct command *const *c = commands; *c; c++)
		if (!(*c)->hidden)
			printf(" %s", (*c)->name);
	printf("'\n%s%s%s%s", walk, zsh ? zsh_end : bash_end, nestling_walk,
		zsh ? nestling_zsh_end : nestling_bash_end);
	return 0;
}

const struct command cmd_completion = {
	.name = "completion",
	.args = "bash|zsh",
	.help = "Prints a shell's completion of nestctl's commands, options, images and instances, "
		"and of nestling's parameters.",
	.text = "Behind `--` nothing is offered: the programs there are the guest's. For bash, in "
		"~/.bashrc:\n\n\tsource <(nestctl completion bash)\n\nFor zsh, in "
		"~/.zshrc behind compinit:\n\n\tsource <(nestctl completion zsh)",
	.run = completion,
};
