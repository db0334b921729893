;; tool WORD [ARG...]: what the tests of backend wasm have a module do. By the first letter of WORD:
;;   exit N          ends with N
;;   args, env       prints them, one a line
;;   dirs            prints the folders that it was given
;;   copy            standard input to standard output
;;   read DIR NAME   prints a file of a folder that it was given
;;   write DIR NAME  standard input to such a file, made anew
;;   unlink DIR NAME
;;   mtime DIR NAME  sets its time of change to now
;;   grow N          N pages of 64 kB more, in one piece; ends with 1 where they are not given
;;   touch N         the same, and writes to each page
;;   loop            for ever
;;   sleep N         seconds
;;   trap            unreachable
;; Ends with the number of WASI's errno where a call fails; 99: no such folder was given, 98: no such word.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $fd_prestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $fd_prestat_dir_name (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_set_times"
    (func $path_filestat_set_times (param i32 i32 i32 i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))

  ;; 0 results of calls; 256 pointers; 8192 what they point to; 65536 a buffer; 98304 a folder's name
  (memory (export "memory") 2)

  (func $must (param $errno i32)
    (if (local.get $errno) (then (call $proc_exit (local.get $errno)))))

  (func $length (param $text i32) (result i32)
    (local $n i32)
    (block $end
      (loop $more
        (br_if $end (i32.eqz (i32.load8_u (i32.add (local.get $text) (local.get $n)))))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $more)))
    (local.get $n))

  (func $same (param $a i32) (param $b i32) (result i32)
    (loop $more
      (if (i32.ne (i32.load8_u (local.get $a)) (i32.load8_u (local.get $b))) (then (return (i32.const 0))))
      (if (i32.eqz (i32.load8_u (local.get $a))) (then (return (i32.const 1))))
      (local.set $a (i32.add (local.get $a) (i32.const 1)))
      (local.set $b (i32.add (local.get $b) (i32.const 1)))
      (br $more))
    (unreachable))

  (func $number (param $text i32) (result i32)
    (local $n i32)
    (block $end
      (loop $more
        (br_if $end (i32.eqz (i32.load8_u (local.get $text))))
        (local.set $n (i32.add (i32.mul (local.get $n) (i32.const 10))
          (i32.sub (i32.load8_u (local.get $text)) (i32.const 48))))
        (local.set $text (i32.add (local.get $text) (i32.const 1)))
        (br $more)))
    (local.get $n))

  (func $put (param $fd i32) (param $at i32) (param $size i32)
    (loop $more
      (if (i32.eqz (local.get $size)) (then (return)))
      (i32.store (i32.const 0) (local.get $at))
      (i32.store (i32.const 4) (local.get $size))
      (call $must (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
      (local.set $at (i32.add (local.get $at) (i32.load (i32.const 8))))
      (local.set $size (i32.sub (local.get $size) (i32.load (i32.const 8))))
      (br $more)))

  (func $line (param $text i32)
    (call $put (i32.const 1) (local.get $text) (call $length (local.get $text)))
    (i32.store8 (i32.const 16) (i32.const 10))
    (call $put (i32.const 1) (i32.const 16) (i32.const 1)))

  (func $copy (param $from i32) (param $to i32)
    (loop $more
      (i32.store (i32.const 0) (i32.const 65536))
      (i32.store (i32.const 4) (i32.const 32768))
      (call $must (call $fd_read (local.get $from) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.eqz (i32.load (i32.const 8))) (then (return)))
      (call $put (local.get $to) (i32.const 65536) (i32.load (i32.const 8)))
      (br $more)))

  (func $arg (param $i i32) (result i32)
    (i32.load (i32.add (i32.const 256) (i32.mul (local.get $i) (i32.const 4)))))

  (func $list (param $count i32)
    (local $i i32)
    (block $end
      (loop $more
        (br_if $end (i32.ge_u (local.get $i) (local.get $count)))
        (call $line (call $arg (local.get $i)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $more))))

  ;; The name of folder fd, at 98304; 0 where there are no more.
  (func $folder (param $fd i32) (result i32)
    (if (call $fd_prestat_get (local.get $fd) (i32.const 32)) (then (return (i32.const 0))))
    (call $must (call $fd_prestat_dir_name (local.get $fd) (i32.const 98304) (i32.load (i32.const 36))))
    (i32.store8 (i32.add (i32.const 98304) (i32.load (i32.const 36))) (i32.const 0))
    (i32.const 1))

  (func $folders
    (local $fd i32)
    (local.set $fd (i32.const 3))
    (loop $more
      (if (i32.eqz (call $folder (local.get $fd))) (then (return)))
      (call $line (i32.const 98304))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br $more)))

  (func $find (param $name i32) (result i32)
    (local $fd i32)
    (local.set $fd (i32.const 3))
    (loop $more
      (if (i32.eqz (call $folder (local.get $fd))) (then (call $proc_exit (i32.const 99))))
      (if (call $same (local.get $name) (i32.const 98304)) (then (return (local.get $fd))))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br $more))
    (unreachable))

  ;; Follows links, as a program would. Rights: 2 fd_read, 64 fd_write.
  (func $open (param $flags i32) (param $rights i64) (result i32)
    (call $must (call $path_open (call $find (call $arg (i32.const 2))) (i32.const 1) (call $arg (i32.const 3))
      (call $length (call $arg (i32.const 3))) (local.get $flags) (local.get $rights) (i64.const 0)
      (i32.const 0) (i32.const 40)))
    (i32.load (i32.const 40)))

  (func $grow (param $pages i32) (param $touch i32)
    (local $at i32) (local $end i32)
    (local.set $at (memory.grow (local.get $pages)))
    (if (i32.eq (local.get $at) (i32.const -1)) (then (call $proc_exit (i32.const 1))))
    (local.set $end (i32.mul (memory.size) (i32.const 65536)))
    (local.set $at (i32.mul (local.get $at) (i32.const 65536)))
    (block $done
      (loop $more
        (br_if $done (i32.or (i32.eqz (local.get $touch)) (i32.ge_u (local.get $at) (local.get $end))))
        (i32.store (local.get $at) (i32.const 1))
        (local.set $at (i32.add (local.get $at) (i32.const 4096)))
        (br $more))))

  ;; A subscription to the monotonic clock, at 128.
  (func $sleep (param $seconds i32)
    (i32.store8 (i32.const 136) (i32.const 0))
    (i32.store (i32.const 144) (i32.const 1))
    (i64.store (i32.const 152) (i64.mul (i64.extend_i32_u (local.get $seconds)) (i64.const 1000000000)))
    (i64.store (i32.const 160) (i64.const 0))
    (call $must (call $poll_oneoff (i32.const 128) (i32.const 200) (i32.const 1) (i32.const 0))))

  (func $environment
    (call $must (call $environ_sizes_get (i32.const 20) (i32.const 24)))
    (call $must (call $environ_get (i32.const 256) (i32.const 8192)))
    (call $list (i32.load (i32.const 20))))

  (func (export "_start")
    (local $word i32)
    (call $must (call $args_sizes_get (i32.const 20) (i32.const 24)))
    (call $must (call $args_get (i32.const 256) (i32.const 8192)))
    (if (i32.lt_u (i32.load (i32.const 20)) (i32.const 2)) (then (call $proc_exit (i32.const 98))))
    (local.set $word (i32.load8_u (call $arg (i32.const 1))))
    (if (i32.eq (local.get $word) (i32.const 101))      ;; exit, env
      (then
        (if (i32.eq (i32.load8_u offset=1 (call $arg (i32.const 1))) (i32.const 120))
          (then (call $proc_exit (call $number (call $arg (i32.const 2)))))
          (else (call $environment)))
        (return)))
    (if (i32.eq (local.get $word) (i32.const 97))       ;; args
      (then (call $list (i32.load (i32.const 20))) (return)))
    (if (i32.eq (local.get $word) (i32.const 100))      ;; dirs
      (then (call $folders) (return)))
    (if (i32.eq (local.get $word) (i32.const 99))       ;; copy
      (then (call $copy (i32.const 0) (i32.const 1)) (return)))
    (if (i32.eq (local.get $word) (i32.const 114))      ;; read
      (then (call $copy (call $open (i32.const 0) (i64.const 2)) (i32.const 1)) (return)))
    (if (i32.eq (local.get $word) (i32.const 119))      ;; write: create, truncate
      (then (call $copy (i32.const 0) (call $open (i32.const 9) (i64.const 64))) (return)))
    (if (i32.eq (local.get $word) (i32.const 117))      ;; unlink
      (then
        (call $must (call $path_unlink_file (call $find (call $arg (i32.const 2))) (call $arg (i32.const 3))
          (call $length (call $arg (i32.const 3)))))
        (return)))
    (if (i32.eq (local.get $word) (i32.const 109))      ;; mtime: 8 to now
      (then
        (call $must (call $path_filestat_set_times (call $find (call $arg (i32.const 2))) (i32.const 1)
          (call $arg (i32.const 3)) (call $length (call $arg (i32.const 3))) (i64.const 0) (i64.const 0) (i32.const 8)))
        (return)))
    (if (i32.eq (local.get $word) (i32.const 103))      ;; grow
      (then (call $grow (call $number (call $arg (i32.const 2))) (i32.const 0)) (return)))
    (if (i32.eq (local.get $word) (i32.const 108))      ;; loop
      (then (loop $ever (br $ever))))
    (if (i32.eq (local.get $word) (i32.const 115))      ;; sleep
      (then (call $sleep (call $number (call $arg (i32.const 2)))) (return)))
    (if (i32.eq (local.get $word) (i32.const 116))      ;; touch, trap
      (then
        (if (i32.eq (i32.load8_u offset=1 (call $arg (i32.const 1))) (i32.const 114)) (then (unreachable)))
        (call $grow (call $number (call $arg (i32.const 2))) (i32.const 1))
        (return)))
    (call $proc_exit (i32.const 98))))
