# For scripts that test the program by its command line: $program is set, $failed ends as 1 if something failed.
failed=0

# expect CODE TEXT ARGUMENTS...: the program must end with CODE and print TEXT somewhere.
expect() {
  code=$1 text=$2; shift 2
  output=$("$program" "$@" 2>&1); got=$?
  if [ "$got" -ne "$code" ]; then
    echo "clearcut $*: exit code $got, expected $code: $output"; failed=1
  elif ! echo "$output" | grep -qF -- "$text"; then
    echo "clearcut $*: does not say '$text': $output"; failed=1
  fi
}
