# KV_TRY_CFLAGS(VARIABLE, FLAG...): appends to VARIABLE each flag that the
# compiler takes without a warning. A space separates the flags.
AC_DEFUN([KV_TRY_CFLAGS], [
  for kv_flag in $2; do
    AC_MSG_CHECKING([whether $CC takes $kv_flag])
    kv_saved=$CFLAGS
    CFLAGS="$CFLAGS -Werror $kv_flag"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <string.h>]], [[return 0]])],
      [AC_MSG_RESULT([yes]); $1="$$1 $kv_flag"],
      [AC_MSG_RESULT([no])])
    CFLAGS=$kv_saved
  done
])

# KV_TRY_LDFLAGS(VARIABLE, FLAG...): the same for the linker.
AC_DEFUN([KV_TRY_LDFLAGS], [
  for kv_flag in $2; do
    AC_MSG_CHECKING([whether the linker takes $kv_flag])
    kv_saved=$LDFLAGS
    LDFLAGS="$LDFLAGS -Werror $kv_flag"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [[return 0]])],
      [AC_MSG_RESULT([yes]); $1="$$1 $kv_flag"],
      [AC_MSG_RESULT([no])])
    LDFLAGS=$kv_saved
  done
])
