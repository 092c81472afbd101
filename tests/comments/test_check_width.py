"""Tests of check_width.py: what it refuses, and what wrapping leaves alone.

    python3 -m unittest discover tests/comments
"""

import tempfile
import unittest
from pathlib import Path

import check_width

WORDS = "word " * 30


class Width(unittest.TestCase):
    def file(self, text: str) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name, "file.rs")
        path.write_text(text)
        return path

    def wrapped(self, text: str) -> str:
        path = self.file(text)
        check_width.wrap_file(path, "//")
        self.assertEqual(check_width.too_wide(path, "//"), [])
        return path.read_text()

    def test_wide_comments_are_refused_and_wide_code_is_not(self):
        path = self.file(f"/// {WORDS}\nlet x = \"{WORDS}\";\nlet y = 1; // {WORDS}\n")
        self.assertEqual([line for line, _ in check_width.too_wide(path, "//")], [1, 3])

    def test_wrapping_joins_a_paragraph_and_keeps_its_words(self):
        text = self.wrapped(f"    /// {WORDS}\n    /// and more\n    fn f() {{}}\n")
        words = [word for line in text.splitlines()[:-1] for word in line.split()[1:]]
        self.assertEqual(words, (WORDS + "and more").split())
        self.assertTrue(text.endswith("\n    fn f() {}\n"))

    def test_list_items_hang_and_stay_apart(self):
        text = self.wrapped(f"//! - {WORDS}\n//! - short\n")
        lines = text.splitlines()
        self.assertTrue(lines[1].startswith("//!   word"))
        self.assertEqual(lines[-1], "//! - short")

    def test_tables_code_and_short_paragraphs_stay_as_they_are(self):
        text = f"/// | a | {WORDS}|\n/// ```\n/// let x = 1;\n///     let y = 2;\n/// ```\n///\n/// short\n/// lines\n"
        path = self.file(text)
        check_width.wrap_file(path, "//")
        self.assertEqual(path.read_text(), text)
        self.assertEqual(check_width.too_wide(path, "//"), [])


if __name__ == "__main__":
    unittest.main()
