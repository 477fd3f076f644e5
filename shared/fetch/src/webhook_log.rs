//! Reads pages of W-API's webhook log. A page that is too large is read in smaller ones.

use reqwest::Method;
use wapi::{account::LOGS_PATH, logs::LogPage};

use crate::account::{
    AccountCall, AccountClient, AccountError, Credentials, MAX_LOG_PAGE_BYTES, parse_answer,
};

/// Entries per page. A page that is larger than [`MAX_LOG_PAGE_BYTES`] is read in pages of the next
/// size; of the last one, each entry alone. A webhook has less than 10 MB.
const SIZES: [u32; 3] = [100, 10, 1];

/// The number of pages of one size that make one of the size before it.
const PARTS: u32 = 10;

impl AccountClient {
    /// Reads a page of the instance's webhook log, with a hundred entries. Pages count from 1; one
    /// beyond the last is empty.
    ///
    /// # Errors
    /// [`AccountError`] if a call fails or an answer cannot be parsed.
    pub async fn fetch_log_page(
        &self,
        page: u32,
        who: Credentials<'_>,
    ) -> Result<LogPage, AccountError> {
        self.fetch_parsed_page(page, who, LogPage::parse).await
    }

    /// As [`Self::fetch_log_page`], with all values of the webhooks.
    ///
    /// # Errors
    /// As [`Self::fetch_log_page`].
    pub async fn fetch_whole_log_page(
        &self,
        page: u32,
        who: Credentials<'_>,
    ) -> Result<LogPage, AccountError> {
        self.fetch_parsed_page(page, who, LogPage::parse_whole).await
    }

    async fn fetch_parsed_page(
        &self,
        page: u32,
        who: Credentials<'_>,
        parse: fn(&[u8]) -> Option<LogPage>,
    ) -> Result<LogPage, AccountError> {
        // The pages to read, the next one last: each with its size as a position among `SIZES`.
        let (mut open, mut read) = (vec![(0, page)], Vec::new());
        while let Some((size, number)) = open.pop() {
            let call = self.fetch_log_answer(SIZES.get(size), number, who).await;
            call.require_success()?;
            // A page that was cut off may be repaired, and would lack entries.
            let is_whole = call.body().len() < MAX_LOG_PAGE_BYTES;
            if !is_whole && size + 1 < SIZES.len() {
                // Entries that arrive meanwhile move others to later pages: they are read twice.
                let first = number.saturating_sub(1).saturating_mul(PARTS);
                open.extend((1..=PARTS).rev().map(|part| (size + 1, first + part)));
                continue;
            }
            let part = parse_answer(&call, |body| Some(body).filter(|_| is_whole).and_then(parse))?;
            // Behind an empty page there is nothing.
            if part.is_empty() {
                open.clear();
            }
            read.push(part);
        }
        Ok(LogPage::join(read))
    }

    async fn fetch_log_answer(
        &self,
        entries: Option<&u32>,
        number: u32,
        who: Credentials<'_>,
    ) -> AccountCall {
        let (entries, number) = (entries.copied().unwrap_or(1).to_string(), number.to_string());
        let query = [("perPage", entries.as_str()), ("page", number.as_str())];
        self.send_request(Method::GET, LOGS_PATH, &query, who, None::<&()>).await
    }
}
