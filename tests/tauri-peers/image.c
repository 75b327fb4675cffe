/* The runtime of a type 2 AppImage: mounts (or unpacks) the file system that follows it, runs AppRun in it
 * and tidies up. As the usual runtime does it, so far as an application can tell; built here because that
 * one would have to be downloaded. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the program ends, and the file system begins. */
static long length_of_program(const char *path) {
  Elf64_Ehdr head;
  Elf64_Shdr last;
  int file = open(path, O_RDONLY);
  if (read(file, &head, sizeof head) != sizeof head) return -1;
  long sections = head.e_shoff + (long)head.e_shentsize * head.e_shnum;
  if (pread(file, &last, sizeof last, sections - head.e_shentsize) != sizeof last) return -1;
  close(file);
  long data = last.sh_offset + last.sh_size;
  return data > sections ? data : sections;
}

static int run(char *const argv[]) {
  int status;
  pid_t child = fork();
  if (child == 0) {
    execvp(argv[0], argv);
    _exit(127);
  }
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv) {
  char self[PATH_MAX] = "", offset[32], option[64], program[PATH_MAX], dir[] = "/tmp/.mount_XXXXXX";
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0 || !mkdtemp(dir)) return 1;
  snprintf(offset, sizeof offset, "%ld", length_of_program(self));
  snprintf(option, sizeof option, "offset=%s", offset);
  int mounted = !getenv("APPIMAGE_EXTRACT_AND_RUN") &&
                run((char *[]){"squashfuse", "-o", option, self, dir, NULL}) == 0;
  if (!mounted && run((char *[]){"unsquashfs", "-q", "-n", "-f", "-o", offset, "-d", dir, self, NULL})) return 1;
  setenv("APPIMAGE", self, 1);
  setenv("APPDIR", dir, 1);
  setenv("ARGV0", argv[0], 1);
  snprintf(program, sizeof program, "%s/AppRun", dir);
  argv[0] = program;
  int status = run(argv);
  if (mounted) run((char *[]){"fusermount3", "-uz", dir, NULL}), rmdir(dir);
  else run((char *[]){"rm", "-rf", dir, NULL});
  return status;
}
