# SPDX-License-Identifier: MIT
# nestctl, an ordinary host program.

NESTCTL_OBJ := $(NESTCTL_SRC:%.c=$(B)/obj/%.o)
$(NESTCTL_OBJ): WFLAGS = $(TOOLFLAGS)
$(NESTCTL_OBJ): | $(G)/build_id.h

ifneq ($(NESTCTL_SRC),)
$(B)/nestctl: $(NESTCTL_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) -pthread -o $@ $(NESTCTL_OBJ) -lext2fs -lcom_err -larchive -lz
else
$(B)/nestctl:
	@mkdir -p $(@D); : >$@
endif
