// Subscribes to a topic at a hub, prints each thing that happens as a line of
// JSON, and leaves once a document was sent that holds "the end".
//
// node subscriber.js TOPIC HUB
'use strict';

const [topic, hub] = process.argv.slice(2);
const server = require('pubsubhubbub').createServer({ callbackUrl: 'http://127.0.0.1', secret: 'something' });
const say = (what, more) => console.log(JSON.stringify({ what, ...more }));

server.on('error', (err) => { say('error', { text: err.message }); process.exit(1); });
server.on('denied', (data) => say('denied', { text: String(data.error || '') }));
server.on('subscribe', (data) => say('subscribe', { topic: data.topic, hub: data.hub, lease: data.lease - Date.now() / 1000 }));
server.on('unsubscribe', (data) => { say('unsubscribe', { topic: data.topic }); process.exit(0); });
server.on('feed', (data) => {
    const text = data.feed.toString();
    say('feed', { topic: data.topic, hub: data.hub, text, type: data.headers['content-type'] });
    if (text.includes('the end')) {
        server.unsubscribe(topic, hub, callback);
    }
});

let callback;
server.on('listen', () => {
    // A query of its own is part of a callback.
    callback = `http://127.0.0.1:${server.server.address().port}/?topic=${encodeURIComponent(topic)}&hub=${encodeURIComponent(hub)}`;
    server.subscribe(topic, hub, callback, (err) => say(err ? 'error' : 'asked', { text: err ? err.message : '' }));
});
server.listen(0, '127.0.0.1');
