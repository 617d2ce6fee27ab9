// Opens a report (the part of the address after "#") in a frame, as it is, acts as a reader would, and writes what it
// found into the title of this page: a line "ok NAME" or "FAILED NAME" for each check.
'use strict';

const results = [];

function check(name, holds) {
    results.push((holds ? 'ok ' : 'FAILED ') + name);
}

function texts(list) {
    return Array.from(list, element => element.textContent);
}

// What the page has to make of a cell of the data.
function shown(cell, column) {
    if (cell === null)
        return '';
    const text = String(cell).replace(
        /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, '\ufffd');
    return column === 'time (UTC)' ? text.replace('T', ' ').replace('Z', '') : text;
}

function click(element) {
    if (element)
        element.click();
    return Boolean(element);
}

// A table with all of its rows.
function opened(page, id) {
    const place = page.getElementById(id);
    place.open = true;
    place.dispatchEvent(new page.defaultView.Event('toggle'));
    const buttons = Array.from(place.querySelectorAll('.rest button'));
    click(buttons.find(button => button.textContent.startsWith('All ')));
    return place;
}

// Long texts are shown to a length, with a button for the rest.
function cellIsRight(element, wanted) {
    const button = element.querySelector('button');
    if (!button)
        return element.textContent === wanted;
    button.click();
    return element.textContent === wanted;
}

function tableIsRight(page, table, counted) {
    const place = opened(page, table.id), rows = place.querySelector('tbody').rows;
    const heads = texts(place.querySelectorAll('th')).filter(name => name !== 'host');
    const columns = heads.map(name => table.columns.indexOf(name));
    const left = table.columns.filter((name, at) => !columns.includes(at) &&
        table.rows.some(row => row[at] !== null && row[at] !== ''));
    if (rows.length !== table.rows.length || columns.includes(-1) || left.length)
        return false;
    return table.rows.every((row, at) => columns.every((column, place) => {
        counted.cells++;
        return cellIsRight(rows[at].cells[place], shown(row[column], table.columns[column]));
    }));
}

// Every table of the data is there, cell by cell; only columns without any content are left out.
function checkTables(page, data) {
    const counted = {cells: 0}, list = [...data.tables, ...data.providers];
    const wrong = list.filter(table => !tableIsRight(page, table, counted)).map(table => table.id);
    check(`tables show their data, ${counted.cells} cells of ${list.length} tables ${wrong.join()}`, !wrong.length);
}

function checkProcesses(page, data) {
    const rows = Array.from(page.querySelectorAll('#processes tbody tr'));
    const right = rows.every((row, at) => {
        const life = data.processes.rows[at];
        return row.cells[0].textContent.endsWith(shown(life.name || '?')) &&
            row.cells[1].textContent === String(life.process_id);
    });
    check(`${rows.length} processes`, rows.length === data.processes.rows.length && right);
}

// A process has a page in the page, which links back, and its rows lead to it.
function checkProcessPage(page, data) {
    const life = data.processes.rows[data.processes.rows.length - 1], place = page.getElementById('process');
    if (!life)
        return;
    const link = page.querySelector(`#processes a[href="#process-${life.life}"]`);
    check('processes link to their page', link !== null && place.hidden);
    page.defaultView.location.hash = `#process-${life.life}`;
    page.defaultView.dispatchEvent(new page.defaultView.Event('hashchange'));
    const own = [...data.tables, ...data.providers].filter(table => table.lives.includes(life.life));
    check('a process has a page', !place.hidden &&
        place.querySelector('h2').textContent === shown(`${life.name || '?'} (${life.process_id})`));
    check(`${own.length} tables have rows of it`, own.every(table => {
        const part = page.getElementById('own-' + table.id);
        const rows = table.lives.filter(one => one === life.life).length;
        return part && part.querySelectorAll('tbody tr').length === Math.min(100, rows) &&
            part.querySelector(`a[href="#${table.id}"]`);
    }));
}

function checkTimeline(page, data) {
    const {series, lost, steps} = data.timeline, chart = page.getElementById('chart');
    if (!steps) {
        check('a page without times has no timeline', chart === null);
        return;
    }
    const heights = () => Array.from(page.querySelectorAll('#chart rect.bar'), bar => Number(bar.getAttribute('height')));
    const ticks = () => texts(page.querySelectorAll('#chart text')).join('|');
    check('timeline has bars', heights().length >= series.length && heights().every(height => height > 0));
    check('timeline marks losses', (page.querySelectorAll('#chart rect.lost').length > 0) === (lost.length > 0));
    check('legend names the providers', page.querySelectorAll('.legend li').length === series.length);
    const press = key => chart.dispatchEvent(
        new page.defaultView.KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
    press('0');
    const before = ticks();
    press('+');
    check('axes follow the zoom', steps < 16 || ticks() !== before);
    press('0');
    check('all of it again', ticks() === before);
    press('ArrowRight');
    check('keys read bars', /UTC, .* s: [0-9,]+ event/.test(page.querySelector('.readout').textContent));
    press('Escape');
}

function checkSorting(page) {
    const place = opened(page, 'classes'), body = place.querySelector('tbody');
    const column = texts(place.querySelectorAll('th')).indexOf('events');
    const head = place.querySelectorAll('th')[column].querySelector('button');
    const numbers = () => Array.from(body.rows, row => Number(row.cells[column].textContent));
    head.click();
    const up = numbers();
    check('sorts upwards', up.every((n, i) => i === 0 || up[i - 1] <= n));
    head.click();
    const down = numbers();
    check('sorts downwards', down.every((n, i) => i === 0 || down[i - 1] >= n));
    check('keeps every row', up.length > 0 && up.length === down.length);
}

// The one box searches every table.
function checkSearch(page, data) {
    const box = page.getElementById('search'), table = data.providers[0];
    const places = () => Array.from(page.querySelectorAll('details.table'));
    const type = text => {
        box.value = text;
        box.dispatchEvent(new page.defaultView.Event('input'));
    };
    type('no such text anywhere');
    check('search hides', places().every(place => place.hidden));
    type(`${table.rows[0][1]} ${table.rows[0][4]}`);
    check('search finds', !page.getElementById(table.id).hidden && !page.getElementById('found').hidden &&
        page.querySelectorAll(`[id="${table.id}"] mark`).length >= 1);
    type('');
    check('all rows again', places().every(place => !place.hidden));
}

// A table saved is its rows, as a spreadsheet reads them; a cell it would run has an apostrophe.
function checkSaving(page, data) {
    const view = page.defaultView, table = data.providers[0], own = view.Blob;
    let saved = '';
    view.Blob = function (parts) {
        saved = parts.join('');
        return new own(parts);
    };
    view.HTMLAnchorElement.prototype.click = function () { saved += this.download; };
    Array.from(page.getElementById(table.id).querySelectorAll('.tools button'))
        .find(button => button.textContent === 'CSV').click();
    view.Blob = own;
    delete view.HTMLAnchorElement.prototype.click;
    const cell = value => value === null ? '' : /[",\r\n]/.test(value) ? `"${String(value).replace(/"/g, '""')}"`
        : String(value);
    const guarded = value => typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? "'" + value : value;
    const host = index => table.hosts ? [data.hosts[table.hosts[index]].name || `host ${table.hosts[index] + 1}`] : [];
    const wanted = [[...table.columns, ...(table.hosts ? ['host'] : [])],
        ...table.rows.map((row, i) => [...row, ...host(i)])].map(row => row.map(guarded).map(cell).join(',') + '\r\n').join('');
    check(`saves ${table.rows.length} rows`, saved === wanted + table.id + '.csv');
}

// The tables can be held to what the timeline shows.
function checkSpan(page, data) {
    const only = page.getElementById('only'), chart = page.getElementById('chart'), {from, steps} = data.timeline;
    if (!only || steps < 16)
        return;
    const times = () => Array.from(page.querySelectorAll('#providers td.k-time time'), one => one.dateTime);
    const press = key => chart.dispatchEvent(new page.defaultView.KeyboardEvent('keydown', {key, cancelable: true}));
    const before = times();
    only.checked = true;
    only.dispatchEvent(new page.defaultView.Event('change'));
    press('+');
    press('+');
    check('tables show the span', times().every(one => one > from) && times().length < before.length);
    press('0');
    only.checked = false;
    only.dispatchEvent(new page.defaultView.Event('change'));
    check('and all again', times().length === before.length);
}

function checkLocalTime(page) {
    const toggle = page.getElementById('local'), element = page.querySelector('time[data-local]');
    if (!element)
        return;
    const after = () => page.defaultView.getComputedStyle(element, '::after').content;
    const before = after();
    toggle.click();
    check('local time beside UTC', before === 'none' && after().includes('local'));
    const inputs = JSON.parse(page.getElementById('data').textContent).inputs.filter(input => input.events);
    const oneZone = new Set(inputs.map(input => input.utc_offset_minutes)).size === 1;
    const told = ['#summary', '#evidence'].map(id => page.querySelector(id + ' time.inline'));
    check('local time in what is written without the script', told.every(one => oneZone ? one &&
        page.defaultView.getComputedStyle(one, '::after').content.includes('local') : !one));
    toggle.click();
}

function checkTheme(page) {
    const colour = () => page.defaultView.getComputedStyle(page.body).backgroundColor;
    const before = colour();
    page.getElementById('theme').click();
    check('light and dark differ', colour() !== before);
}

// Only what page.html and page.js make: no element and no handler comes from a text.
function checkMarkup(page) {
    const known = new Set(('A B BODY BUTTON CAPTION CLIPPATH CODE DEFS DETAILS DIV G H1 H2 H3 H4 HEAD HEADER HTML I INPUT ' +
        'LABEL LI LINE MAIN MARK META NAV NOSCRIPT P PRE RECT SCRIPT SECTION SPAN STYLE SUMMARY SVG TABLE TBODY TD TEXT ' +
        'TH THEAD TIME TITLE TR UL').split(' '));
    const all = Array.from(page.querySelectorAll('*'));
    check('no element of another kind', all.every(element => known.has(element.tagName.toUpperCase())));
    check('no handler in an attribute', all.every(element =>
        Array.from(element.attributes).every(attribute => !attribute.name.startsWith('on'))));
    check('two scripts, one style', page.scripts.length === 2 && page.styleSheets.length === 1);
    check('the title is the page\'s', page.title.startsWith('Trace report: '));
    check('links stay in the page', Array.from(page.links).every(link => link.getAttribute('href').startsWith('#')));
}

// Nothing is wider than the page, on a screen and on a phone.
function checkWidth(page, frame, width) {
    frame.style.width = width + 'px';
    check(`fits ${width} px`, page.documentElement.scrollWidth <= width);
}

function run(page, frame, wanted) {
    const data = JSON.parse(page.getElementById('data').textContent);
    checkMarkup(page);
    checkWidth(page, frame, 420);
    checkWidth(page, frame, 1400);
    checkTimeline(page, data);
    checkProcesses(page, data);
    checkTables(page, data);
    checkProcessPage(page, data);
    checkSorting(page);
    checkLocalTime(page);
    checkTheme(page);
    for (const text of wanted)
        check('shows ' + text, page.body.innerText.includes(text));
    checkWidth(page, frame, 420);
    checkWidth(page, frame, 1400);
    checkSearch(page, data);
    checkSaving(page, data);
    checkSpan(page, data);
    checkMarkup(page);
}

window.addEventListener('load', () => {
    const [address, ...wanted] = decodeURIComponent(location.hash.slice(1)).split('|');
    const frame = document.createElement('iframe');
    frame.style.height = '900px';
    frame.addEventListener('load', () => {
        try {
            run(frame.contentDocument, frame, wanted);
        } catch (error) {
            check('the checks ran: ' + error + error.stack, false);
        }
        document.title = 'RESULT ' + results.join('; ');
    });
    frame.src = address;
    document.body.append(frame);
});
