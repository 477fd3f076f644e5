// Code node "Row of the file": what the event says about the file. Of an erased one, only that.
const { type, event } = $('Verify').first().json;
const isErased = type === 'media.erased';
const data = isErased ? {} : event.data;
const time = (text) => (text ? Date.parse(text) : null);

return [{
  json: {
    file_id: event.data.file_id,
    told_at: time(event.timestamp),
    is_erased: isErased,
    kind: data.kind ?? '',
    sent_at: time(data.moment),
    link: data.link?.url ?? '',
    link_ends_at: time(data.link?.ends_at),
  },
}];
