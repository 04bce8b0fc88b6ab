# copy_tree BUILD TREE: a copy of the source tree and of what was built in it, all links. New files can be put into it
# and built as a user would; the library, the programs and what depends on their lists is no link: it is made anew.
copy_tree() {
  copied=$1 to=$2
  mkdir -p "$to/$copied"
  cp Makefile "$to"
  for folder in tensor cuda autograd nn models explain data train recipes apps tests tools "$copied"; do
    [ -d "$folder" ] && mkdir -p "$to/$folder" && cp -rs "$PWD/$folder/." "$to/$folder"
  done
  (cd "$to/$copied" && rm -rf full/libclearcut.a full/clearcut full/unit_tests minimal/libclearcut.a commit train/program.? \
    variants tensor/cuda_variants.?)
}
