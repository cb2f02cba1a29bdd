/* test_scenario_sharing.c - the commands of shared memory, files, forks, advice and whole
 * processes: what they do, what they refuse, and what they say of a line that is wrong. */
#include "scenario.h"

/* ---- machine ---- */

static void test_machine(void) {
    fine("machine wx=no\nprocess P\nP execute 0\nexpect done\nP store 0 1\nexpect done\n");
    fine("machine wx=yes\nprocess P\nP store 0 1\nexpect done\nP execute 0\nexpect fault "
         "protection\n");
    fine("machine wx=yes\nprocess P\nP region a start=0\nexpect refused no\nP protect page=0 "
         "rights=rwx\nexpect refused\nP map page=9 rights=rwx\nexpect refused\n");
    fine("machine disk=0.5ms,1,1K\nprocess P\nP region a start=0 image=1\nP load 0\nexpect "
         "disk-time 4001.5\nexpect disk-bytes 4096\nreset counters\nexpect disk-time 0\n");
    fine("machine\nprocess P\nP region a start=0 image=1\nP load 0\nexpect disk-time 12.0391 "
         "±0.0001\n");
    wrong("machine wx=maybe\n", "test.kb:1:", "possible: yes, no");
    wrong("machine cluster=65\n", "test.kb:1:", "0 to 64");
    wrong("machine cluster=x\n", "test.kb:1:", "cluster");
    wrong("machine reserve=2\n", "test.kb:1:", "possible: 2,4");
    wrong("machine reserve=4,2\n", "test.kb:1:", "possible: 2,4");
    wrong("machine reserve=0,2\n", "test.kb:1:", "possible: 2,4");
    wrong("machine reserve=1,2,3\n", "test.kb:1:", "possible: 2,4");
    wrong("machine frames=4 reserve=2,4\n", "test.kb:1:", "with 4 frames");
    wrong("machine disk=8ms,4ms\n", "test.kb:1:", "possible: 8ms,4ms,100M");
    wrong("machine disk=8s,4ms,100M\n", "test.kb:1:", "possible: 8ms,4ms,100M");
    wrong("machine disk=-1,4ms,100M\n", "test.kb:1:", "possible: 8ms,4ms,100M");
    wrong("machine disk=nan,4ms,100M\n", "test.kb:1:", "possible: 8ms,4ms,100M");
    wrong("machine disk=8ms,4ms,0\n", "test.kb:1:", "possible: 8ms,4ms,100M");
}

/* ---- shared memory ---- */

static void test_shared(void) {
    fine("shared lib size=10000\nprocess P Q\nP share lib start=0\nQ share lib page=5 offset=4K "
         "rights=r\nP store 0x1fff 7\nQ load 0x5fff\nexpect value 7\nexpect Q page 5 mappings=2 "
         "rights=r--\nexpect P held 1\nexpect Q held 0\nkill P\nexpect Q held 1\nQ load 0x5fff\n"
         "expect value 7\nkill Q\nexpect free 16\nshared lib size=4K\nexpect frames 16\n");
    /* a page that was used is not an object's any more */
    fine("shared lib size=4K\nprocess P\nP store 0 1\nP share lib start=0\nexpect refused\nP share "
         "lib start=4K\nexpect refused no\n");
    /* it counts frames once, also where regions are loaded whole */
    fine(
        "machine frames=5 load=all\nshared lib size=16K\nprocess P Q\nP share lib start=0\nQ share "
        "lib start=0\nexpect refused no\nexpect resident 4\nQ share lib start=16K size=8K\nexpect "
        "refused no\nexpect resident 4\nexpect Q page 4 mappings=3\n");
    fine("machine organisation=paged-segmentation\nshared lib size=8K\nprocess P Q\nP segment code "
         "size=4K\nP share lib rights=rw\nQ share lib rights=r\nP store <lib,8> 3\nQ load <0,8>\n"
         "expect value 3\nP segment data size=4K\nP store <2,0> 1\nexpect done\n");
    wrong("shared\n", "test.kb:1:", "shared NAME size=16K");
    wrong("shared lib\n", "test.kb:1:", "of 0 bytes");
    wrong("shared lib size=8K size=8K\n", "test.kb:1:", "size");
    wrong("shared lib size=4K\nfile lib size=4K\n", "test.kb:2:", "already");
    wrong("shared lib size=4K x\n", "test.kb:1:", "x");
    wrong("shared 0123456789012345678901234567890123 size=4K\n", "test.kb:1:", "1 to 31 bytes");
    wrong("process P\nP share lib start=0\n", "test.kb:2:", "there is no shared memory \"lib\"");
    wrong("file lib size=4K\nprocess P\nP share lib start=0\n",
          "test.kb:3:", "there is no shared memory");
    wrong("shared a size=4K\nshared b size=4K\nprocess P\nP share lib start=0\n",
          "test.kb:4:", "there is: a b");
    wrong("process P\nP share\n", "test.kb:2:", "shared NAME");
    wrong("shared lib size=4K\nprocess P\nP share lib\n", "test.kb:3:", "start=ADDRESS");
    wrong("shared lib size=4K\nprocess P\nP share lib start=1\n", "test.kb:3:", "whole pages");
    wrong("shared lib size=4K\nprocess P\nP share lib start=0 offset=4K\n",
          "test.kb:3:", "lib has only 4096 bytes");
    wrong("shared lib size=4K\nprocess P\nP share lib start=0 size=4097\n",
          "test.kb:3:", "lib has only 4096 bytes");
    wrong("shared lib size=8K\nprocess P\nP share lib start=0 offset=4K size=8K\n",
          "test.kb:3:", "lib has only 8192 bytes");
    wrong("shared lib size=8K\nprocess P\nP share lib start=0 offset=100\n",
          "test.kb:3:", "not a multiple");
    wrong("shared lib size=8K\nprocess P\nP share lib start=0 rights=q\n", "test.kb:3:", "rights");
    wrong("shared lib size=8K\nprocess P\nP share lib start=0 private\n", "test.kb:3:", "private");
    wrong("machine kernel=yes\nshared lib size=8K\nkernel share lib start=0x80000000\n",
          "test.kb:3:", "the kernel");
    wrong("shared lib size=8K\nprocess P\nkill P\nP share lib start=0\n", "test.kb:4:", "its end");
    wrong("machine organisation=relocation\nshared lib size=8K\n", "test.kb:2:", "no pages");
    /* the last region takes it with it */
    wrong("shared lib size=8K\nprocess P\nP share lib start=0\nkill P\nprocess P\nP share lib "
          "start=0\n",
          "test.kb:6:", "there is no shared memory \"lib\"; there is: –");
}

/* ---- files ---- */

static void test_files(void) {
    fine("file f size=5000 image=7\nexpect file f 0 0xd7\nexpect file f 0 0x63cbe1e459320dd7 "
         "bytes=8\nexpect file f 4999 >= 0\nprocess P\nP map file f start=0 rights=rw\nP digest 0 "
         "5000\nP store 0 1\nexpect file f 0 0xd7\nP sync page=0\nexpect done\nexpect file f 0 1\n"
         "expect file-writes 1\nexpect swap-writes 0\nP store 0 2\nP unmap start=0 size=8K\nexpect "
         "file f 0 2\nexpect resident 0\n");
    fine("file f size=8K\nprocess P\nP map file f start=0 private\nP store 0 1\nP sync page=0\n"
         "expect refused no\nexpect file f 0 0\nexpect copies 1\nP sync page=9\nexpect refused\n");
    /* whoever has written to it, and though this one has not touched it */
    fine("file f size=8K\nprocess P Q\nP map file f start=0\nQ map file f start=0\nP store 0x1001 "
         "7\nQ "
         "sync start=0 size=8K\nexpect done\nexpect file f 0x1001 7\nexpect P page 1 M=0\n");
    /* looking at a file is no operation of it */
    fine("file f size=4K\nprocess P\nP map file f start=0\nfail read file=f\nexpect file f 0 0\nP "
         "load 0\nexpect P ended \"swap read failed\"\nexpect io-errors 1\n");
    fine("file f size=4K\nprocess P\nP map file f start=0\nfail corrupt file=f\nP load 0\nexpect P "
         "ended \"page corrupt\"\n");
    fine("file f size=4K\nprocess P\nP map file f start=0\nP store 0 1\nfail no-space file=f\nP "
         "sync "
         "page=0\nexpect done no\nexpect refused no\nexpect P page 0 M=1\nP sync page=0\nexpect "
         "done\nexpect file f 0 1\n");
    fine("machine frames=1\nfile f size=8K\nprocess P\nP map file f start=0\nP store 0 1\nfail "
         "write count=0 file=f\nP load 0x1000\nexpect P ended \"swap write failed\"\n");
    wrong("file f\n", "test.kb:1:", "of 0 bytes");
    wrong("file f size=1T\n", "test.kb:1:", "1 to 4294967296 bytes");
    wrong("file f size=2G size=3G\n", "test.kb:1:", "size");
    wrong("file f size=4K image=x\n", "test.kb:1:", "image");
    wrong("file f size=4K\nfile f size=4K\n", "test.kb:2:", "already");
    wrong("process P\nP map file f start=0\n", "test.kb:2:", "there is no file \"f\"");
    wrong("shared f size=4K\nprocess P\nP map file f start=0\n", "test.kb:3:", "the files are: –");
    wrong("file f size=4K\nexpect file f 4096 0\n", "test.kb:2:", "f has only 4096 bytes");
    wrong("file f size=4K\nexpect file f 4095 0 bytes=2\n", "test.kb:2:", "f has only 4096 bytes");
    wrong("file f size=4K\nexpect file f 0 0 bytes=9\n", "test.kb:2:", "1 to 8 bytes");
    wrong("file f size=4K\nexpect file f 0\n", "test.kb:2:", "expect");
    wrong("expect file g 0 0\n", "test.kb:1:", "there is no file \"g\"");
    wrong("fail read file=g\n", "test.kb:1:", "there is no file \"g\"");
    wrong("process P\nP sync\n", "test.kb:2:", "start=ADDRESS");
    wrong("process file\n", "test.kb:1:", "a word of the language");
}

/* ---- forks, guards, stacks ---- */

static void test_forks(void) {
    fine(
        "process P\nP store 0 1\nP fork C\nexpect C page 0 mappings=2 rights=r-x\nC load 0\nexpect "
        "value 1\nC store 0 2\nP load 0\nexpect value 1\nexpect copies 1\nexpect C copies "
        "1\nexpect "
        "processes 2\nexpect C references 2\n");
    /* patterns and regions are the parent's */
    fine(
        "process P\nP region a start=0 size=8K image=3 rights=r\nP fork C\nC verify 0 8K seed=3\nP "
        "verify 0 8K seed=3\nC handler skip\nC store 0 1\nexpect fault protection\n");
    fine("shared s size=4K\nprocess P\nP share s start=0\nP store 0 1\nP fork C\nC store 0 2\nP "
         "load "
         "0\nexpect value 2\nexpect copies 0\nexpect P page 0 mappings=2\n");
    fine("process P\nP fork C\nC fork D\nD fork E\nkill C\nkill P\nE store 0 1\nexpect done\n");
    wrong("process P\nP fork\n", "test.kb:2:", "name");
    wrong("process P Q\nP fork Q\n", "test.kb:2:", "there is a process Q already");
    wrong("process P\nP fork faults\n", "test.kb:2:", "a word of the language");
    wrong("process P\nP fork C D\n", "test.kb:2:", "D");
    wrong("process P\nkill P\nP fork C\n", "test.kb:3:", "its end");
    wrong("machine kernel=yes\nkernel fork C\n", "test.kb:2:", "the kernel");
}

static void test_guards(void) {
    fine(
        "process P\nP region s page=8 grows=0x6000\nP guard page=5\nP store 0x7000 1\nexpect steps "
        "grow 1 3 4 5 6\nP store 0x6fff 1\nexpect P resident 2\nP load 0x5fff\nexpect P ended "
        "\"guard page\"\n");
    fine("process P\nP region s page=8 grows=0x6000\nP load 0x6000\nexpect P resident 1\nP load "
         "0x5fff\nexpect P ended \"invalid reference\"\n");
    fine("machine load=all frames=2\nprocess P\nP guard start=0 size=1M\nexpect refused no\nexpect "
         "resident 0\n");
    wrong("process P\nP guard\n", "test.kb:2:", "start=ADDRESS");
    wrong("process P\nP guard start=10\n", "test.kb:2:", "whole pages");
    wrong("process P\nP guard page=1\nP region a page=1\n", "test.kb:3:", "overlaps");
    wrong("machine kernel=yes\nkernel guard start=0x80000000\n", "test.kb:2:", "the kernel");
    wrong("process P\nP region s page=8 grows=0x8000\n", "test.kb:2:", "grows=0x8000");
    wrong("process P\nP region s page=8 grows=0x7001\n", "test.kb:2:", "grows=0x7001");
    wrong("process P\nP region s page=8 grows=0\n", "test.kb:2:", "grows=0x0");
    wrong("process P\nP region s page=8 grows=x\n", "test.kb:2:", "grows");
}

/* ---- advice ---- */

static void test_advice(void) {
    fine("process P\nP region a start=0 size=16K\nP store 0 1\nP touch 1w 2\nP release 0 1 "
         "2\nexpect "
         "resident 0\nexpect write-backs 2\nexpect releases 3\nexpect P releases 3\nP load "
         "0\nexpect "
         "value 1\nP discard start=0 size=16K\nexpect discards 3\nP load 0\nexpect value 0\n");
    fine("process P\nP region a start=0 size=8K\nP release 0 1\nexpect refused no\nexpect releases "
         "0\nP release 1 2\nexpect refused\nP touch 0 1\nP release 2 0\nexpect refused\nexpect "
         "resident 1\n");
    fine("machine frames=3\nprocess P\nP pin page=0\nexpect resident 1\nP pin 1 2\nexpect "
         "refused\nP "
         "release 0\nexpect refused\nP unpin 0 1\nexpect refused no\nP release 0\nexpect refused "
         "no\n");
    /* a release counts as nothing in together, and references of a generator take turns */
    fine("machine frames=2\nprocess P Q\ntogether quantum=2\nP touch 1\nP release 1\nP touch 2\nQ "
         "touch 7 8\nend\nexpect references 4\nexpect releases 1\nexpect switches 2\n");
    fine("machine frames=4\nprocess P Q\ntogether quantum=1\nP run sequential pages=3 each=2\nP "
         "touch "
         "9\nQ run loop pages=2 passes=2\nend\nexpect references 11\nexpect switches 9\nexpect P "
         "references 7\n");
    fine(
        "machine frames=4 io=50\nprocess P Q\nP region a start=0 size=64K image=1\ntogether\nP run "
        "sequential pages=5\nQ run loop pages=2 passes=20\nend\nexpect P references 5\nexpect Q "
        "references 40\n");
    fine("machine frames=4 page=512\nprocess P Q\ntogether quantum=1\nP run stride base=510 "
         "stride=4 "
         "count=2\nQ touch 1 2\nend\nexpect references 4\n");
    fine("process P\nP run sequential pages=3 release=yes\nexpect resident 0\nexpect releases 3\n");
    wrong("process P\nP release\n", "test.kb:2:", "start=ADDRESS");
    wrong("process P\nP release x\n", "test.kb:2:", "page");
    wrong("process P\nP release 1 start=0\n", "test.kb:2:", "NAME release 1 2");
    wrong("process P\nP pin 0xffffffffffffffff\n", "test.kb:2:", "64 bits");
    wrong("process P\nP unpin 1 size=4K\n", "test.kb:2:", "NAME unpin");
    wrong("process P\nkill P\nP discard 1\n", "test.kb:3:", "its end");
    wrong("machine kernel=yes\nkernel release 1\n", "test.kb:2:", "the kernel");
    wrong("process P\ntogether\nP run file=x\nend\n", "test.kb:3:", "run a generator");
    wrong("process P\ntogether\nP run nothing\nend\n", "test.kb:3:", "nothing");
    wrong("process P\ntogether\nP fork C\nend\n", "test.kb:3:", "run a generator");
}

/* ---- whole processes ---- */

static void test_swapping(void) {
    fine(
        "process P Q\nP fill 0 12K\nP swap out\nexpect P state swapped\nexpect resident 0\nexpect "
        "disk-transfers 1\nexpect swapped-out 1\nexpect running none\nP load 0\nexpect "
        "done\nexpect "
        "swapped-in 1\nexpect P resident 3\nexpect faults 3\nP verify 0 12K\nP swap out\nP swap in "
        "page-by-page\nexpect disk-transfers 5\nexpect P state ready\nP swap out\nP swap out\n"
        "expect refused\nkill P\nexpect slots 0\n");
    /* whatever it is told to do brings it back */
    fine("process P\nP touch 1w\nP swap out\nP region a start=0 size=16K\nexpect P state ready\nP "
         "swap out\nswitch P\nexpect P state running\nP swap out\nP release 1\nexpect P state "
         "running\nP swap out\nP fork C\nexpect C page 1 mappings=2\n");
    fine("process P Q\nP touch 1w 2w\nP swap out\ntogether quantum=1\nP touch 1 2\nQ touch 1\nend\n"
         "expect swapped-in 1\nexpect P faults 2\n");
    fine("machine frames=2\nprocess P\nP region a start=0 size=12K image=1\nP swap in\nexpect "
         "refused\n");
    fine(
        "shared s size=4K\nprocess P\nP share s page=10\nP share s page=4\nP touch 10 4\nP release "
        "10\nP swap out\nexpect resident 0\n");
    fine("process P\nP pin 1\nP swap out\nexpect refused\nexpect P state running\n");
    wrong("machine frames=2\nprocess P\nP touch 1w 2w 3w\nP swap out\nP touch 1\n",
          "test.kb:5:", "cannot come back whole");
    wrong("process P\nP swap\n", "test.kb:2:", "NAME swap out");
    wrong("process P\nP swap over\n", "test.kb:2:", "NAME swap out");
    wrong("process P\nP swap out page-by-page\n", "test.kb:2:", "page-by-page");
    wrong("process P\nkill P\nP swap in\n", "test.kb:3:", "its end");
    wrong("machine kernel=yes\nkernel swap out\n", "test.kb:2:", "the kernel");
}

/* What is in memory though nobody maps it, and what stands by. */
static void test_tables(void) {
    static const char text[] =
        "machine frames=4 reserve=1,2\nfile f size=4K\nprocess P\nP map file f start=0\nP guard "
        "page=9\nP "
        "store 0 1\nfail write count=0 file=f\nP unmap page=0\nP region a page=1 size=16K\nP touch "
        "1 2 3\nshow memory\nshow free\nshow objects\nshow regions P\nexpect standby 2\n";
    fine(text);
    CHECK_EQ(run(KB_VIEW_NARRATE, text), KB_OK);
    CHECK(strstr(output, "standby") != NULL);
    CHECK(strstr(output, "guard            0x9000             0xa000             ---    guard") !=
          NULL);
    CHECK(strstr(output, "f                file   4096         0        1        1        0") !=
          NULL);
    CHECK(strstr(output, "0        f            0            0     1 1 1 ") != NULL);
    CHECK_EQ(run(KB_VIEW_JSON, text), KB_OK);
}

/* ---- opt knows the future of all this ---- */

static void test_opt(void) {
    static const char text[] =
        "machine frames=8 replace=opt\nfile f size=20K image=1\nshared s "
        "size=8K\nprocess P\nP share "
        "s start=0x100000\nP map file f start=0\nP touch 0 1w 2 3 4 0 1\nP "
        "store 0x100000 1\nP fork "
        "C\nC touch 0 1w 2 0x100w\nP sync start=0 size=20K\nP release 0 "
        "2\nC touch 0 2 4\nP touch 1 "
        "0x101w\nC swap out\nC touch 0\nshow objects\nshow memory\nshow free\nshow regions P\nshow "
        "page-table C\nshow swap\nexpect references 18\n";
    fine(text);
    CHECK_EQ(run(KB_VIEW_JSON, text), KB_OK);
    CHECK_EQ(tally.failed, 0);
    CHECK_EQ(run(KB_VIEW_NARRATE, text), KB_OK);
    CHECK_EQ(tally.failed, 0);
}

int main(void) {
    test_machine();
    test_shared();
    test_files();
    test_forks();
    test_guards();
    test_advice();
    test_swapping();
    test_tables();
    test_opt();
    return harness_end();
}
