// Paths that try to leave a folder.
#include "data/file_names.h"

#include <gtest/gtest.h>

#include "tensor/file.h"
#include "tests/train/folder.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;

TEST(FileNames, FilesStayInTheirFolder) {
  const test::Folder folder;
  write_file(folder / "shown/a.txt", std::string("a"));
  write_file(folder / "shown/sub/b c.txt", std::string("b"));
  write_file(folder / "shown/.hidden", std::string("h"));
  write_file(folder / "secret.txt", std::string("s"));
  write_file(folder / "shown-not/c.txt", std::string("c"));
  fs::create_symlink("a.txt", folder / "shown/inner.txt");
  fs::create_symlink("../secret.txt", folder / "shown/outer.txt");
  fs::create_symlink("..", folder / "shown/up");
  fs::create_symlink("loop", folder / "shown/loop");
  const std::string root = folder / "shown";
  EXPECT_EQ(file_inside(root, "a.txt"), fs::canonical(root + "/a.txt").string());
  EXPECT_EQ(file_inside(root, "inner.txt"), fs::canonical(root + "/a.txt").string());
  EXPECT_TRUE(file_inside(root, "sub/b c.txt").has_value());
  for (const std::string path : {"", "/", "sub", "none.txt", "../secret.txt", "sub/../a.txt", "./a.txt", "..",
                                 ".hidden", "outer.txt", "up/secret.txt", "up/shown/a.txt/..", "loop",
                                 "../shown-not/c.txt", "/etc/passwd", "a.txt/", "sub//../a.txt"})
    EXPECT_FALSE(file_inside(root, path).has_value()) << path;
  EXPECT_FALSE(file_inside(root, "/" + root + "/a.txt").has_value());
  EXPECT_FALSE(file_inside(root, std::string(5000, 'x')).has_value());
  EXPECT_FALSE(file_inside(folder / "no such folder", "a.txt").has_value());
}

}  // namespace
}  // namespace clearcut
