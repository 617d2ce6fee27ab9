// The page's scripts are one, in the order of report_page.c. Text from traces reaches the page through text nodes only:
// whatever it holds, it is shown and never read as markup.
'use strict';

const data = JSON.parse(document.getElementById('data').textContent);
const lives = new Map(data.processes.rows.map(life => [life.life, life]));
const readInputs = data.inputs.filter(input => input.events);
const severalHosts = data.hosts.length > 1;

// ---------------------------------------------------------------------------------------------- elements

// What cannot be seen, or changes how what is beside it is seen, is shown as the replacement character: controls, and
// characters that turn the direction of text or have no width.
function shown(text) {
    return String(text).replace(
        /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, '\ufffd');
}

function append(element, children) {
    for (const child of children.flat(3))
        if (child !== null && child !== undefined && child !== false)
            element.append(child instanceof Node ? child : shown(child));
    return element;
}

// An element with texts and elements in it; null, undefined and false are left out.
function make(name, properties, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties || {}))
        if (key.includes('-') || key === 'role')
            element.setAttribute(key, value);
        else
            element[key] = value;
    return append(element, children);
}

function draw(name, attributes, ...children) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes))
        element.setAttribute(key, value);
    return append(element, children);
}

function section(id) {
    return document.getElementById(id);
}

function show(id, ...children) {
    append(section(id), children);
}

function button(text, title, action) {
    const element = make('button', {type: 'button', title}, text);
    element.addEventListener('click', action);
    return element;
}

// A link within the page; `id` is made of our own words and numbers.
function link(id, ...children) {
    const element = make('a', null, children);
    element.setAttribute('href', '#' + id);
    return element;
}

function code(text) {
    return make('code', null, text);
}

function more(...children) {
    return make('p', {className: 'more'}, children);
}

// ---------------------------------------------------------------------------------------------- numbers and names

function count(number, word) {
    return `${grouped(number)} ${word}${Number(number) === 1 ? '' : 's'}`;
}

function grouped(number) {
    return String(number).replace(/\B(?=(\d{3})+$)/g, ',');
}

function bytesText(number) {
    let unit = 0, value = Number(number);
    for (; value >= 1000 && unit < 4; unit++)
        value /= 1000;
    return unit ? `${value.toPrecision(3)} ${['B', 'kB', 'MB', 'GB', 'TB'][unit]}` : count(number, 'byte');
}

function hostName(index) {
    return (data.hosts[index] && data.hosts[index].name) || `host ${index + 1}`;
}

// A process with a link to its page, where it is in the list.
function processName(life, name) {
    const known = lives.get(life);
    return known ? link('process-' + life, name || known.name || '?') : name || '';
}

// ---------------------------------------------------------------------------------------------- times

// Minutes that local time is ahead of UTC on a host, as its trace says.
function hostOffset(host) {
    const traces = (data.hosts[host] || {}).traces || [];
    const input = readInputs[traces.length ? traces[0] : 0];
    return input ? input.utc_offset_minutes : 0;
}

// "2024-05-06 11:12:03.5000000" of "2024-05-06T09:12:03.5000000Z"; null where that is no such time.
function localText(text, host) {
    const at = Date.parse(text.slice(0, 19) + 'Z');
    if (isNaN(at))
        return null;
    const local = new Date(at + hostOffset(host || 0) * 60000).toISOString();
    return local.slice(0, 19).replace('T', ' ') + text.slice(19, -1);
}

// A time in UTC, with local time beside it where the reader wants that (page.css).
function time(text, host) {
    if (!text)
        return '';
    const local = localText(text, host);
    return make('time', local ? {dateTime: text, 'data-local': local + ' local'} : {dateTime: text},
        make('span', null, text.slice(0, 10)), ' ', make('span', null, text.slice(11, -1)));
}

// Seconds since 1970 of a time, as exact as a double is.
function secondsOf(text) {
    return Date.parse(text.slice(0, 19) + 'Z') / 1000 + Number('0' + text.slice(19, -1));
}

// A time as the data has it, of seconds since 1970.
function timeText(seconds) {
    const whole = Math.floor(seconds), ticks = Math.min(9999999, Math.round((seconds - whole) * 1e7));
    return `${new Date(whole * 1000).toISOString().slice(0, 19)}.${String(ticks).padStart(7, '0')}Z`;
}
