#include "train/report.h"

#include <gtest/gtest.h>

#include "data/picture.h"
#include "tensor/error.h"
#include "train/svg.h"

namespace clearcut {
namespace {

std::vector<std::uint8_t> bytes(const std::string& text) { return {text.begin(), text.end()}; }

// The vectors of RFC 4648, section 10.
TEST(Report, Base64) {
  EXPECT_EQ(base64(bytes("")), "");
  EXPECT_EQ(base64(bytes("f")), "Zg==");
  EXPECT_EQ(base64(bytes("fo")), "Zm8=");
  EXPECT_EQ(base64(bytes("foobar")), "Zm9vYmFy");
}

Report small_report() {
  Report report("A <title>", "sub & title");
  report.section("Labels");
  report.facts({{"52.1", "mIoU"}});
  report.table({.head = {"member", "mIoU"}, .rows = {{"cam", "61.2"}, {"<b>", "3"}}, .highlight = 1});
  report.charts({line_chart({{"loss", {0, 1}, {1, 0}}}, {.title = "loss"})});
  report.legend({"cat", "dog"}, {{1, 2, 3}, {4, 5, 6}});
  const Tensor red = Tensor::from<std::uint8_t>(Shape{1, 1, 3}, {255, 0, 0});
  report.pictures({"picture", "truth"}, {{"000001", {{red, "a"}, {}}}});
  return report;
}

TEST(Report, IsOneFileThatNeedsNoNetwork) {
  const std::string html = small_report().html();
  for (const char* outside : {"http:", "https:", "<script", "<link", "@import", "url("})
    EXPECT_EQ(html.find(outside), std::string::npos) << outside;
  EXPECT_NE(html.find("src='data:image/png;base64,iVBORw0KGgo"), std::string::npos);  // a PNG's first bytes
}

TEST(Report, EscapesAllTexts) {
  const std::string html = small_report().html();
  EXPECT_NE(html.find("A &lt;title&gt;"), std::string::npos);
  EXPECT_NE(html.find("sub &amp; title"), std::string::npos);
  EXPECT_NE(html.find("<td>&lt;b&gt;</td>"), std::string::npos);
}

TEST(Report, NumbersAreRightAligned) {
  const std::string html = small_report().html();
  EXPECT_NE(html.find("<td class='number'>61.2</td>"), std::string::npos);
  EXPECT_NE(html.find("<tr class='highlight'><td>&lt;b&gt;"), std::string::npos);
}

TEST(Report, RowsMustFit) {
  Report report("t", "s");
  EXPECT_THROW(report.table({.head = {"a", "b"}, .rows = {{"1"}}}), Error);
  EXPECT_THROW(report.pictures({"a"}, {{"row", {}}}), Error);
  EXPECT_THROW(report.legend({"a"}, {}), Error);
}

}  // namespace
}  // namespace clearcut
