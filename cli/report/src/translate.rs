//! How a fixed text is translated.

use crate::lang::Lang;

/// A fixed text in both languages.
pub(crate) trait Translate: Copy {
    /// The text in English and in Brazilian Portuguese.
    fn in_both_languages(self) -> (&'static str, &'static str);

    /// The text in `lang`.
    fn in_language(self, lang: Lang) -> &'static str {
        let (english, portuguese) = self.in_both_languages();
        match lang {
            Lang::En => english,
            Lang::PtBr => portuguese,
        }
    }
}
