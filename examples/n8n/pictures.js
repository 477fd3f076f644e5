// Code node "Page": the latest files whose links still work. Whoever has a link can open the file.
const escape = (text) => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
const show = ({ kind, link }) =>
  kind === 'image' || kind === 'sticker'
    ? `<img src="${escape(link)}" referrerpolicy="no-referrer" loading="lazy" width="240" alt="">`
    : `<a href="${escape(link)}" referrerpolicy="no-referrer">${escape(kind)}</a>`;

const works = ({ link, link_ends_at: end }) => link && (!end || end > Date.now());
const files = $('Files').all().map((item) => item.json).filter(works);
const webhooks = $('Webhooks of W-API').all().filter((item) => item.json.webhook_id).length;
const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<title>Pictures</title>
<h1>Pictures</h1>
<p>Webhooks of W-API: ${webhooks}</p>
${files.map(show).join('\n') || '<p>No file has arrived yet.</p>'}
</html>`;
return [{ json: { html } }];
