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
function shown(cell) {
    return cell === null ? '' : String(cell).replace(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, '\ufffd');
}

// Every table of the data is there, cell by cell.
function checkTables(page, data) {
    let cells = 0, wrong = 0;
    for (const table of data.tables) {
        let element = page.getElementById(table.id);
        while (element && element.tagName !== 'TABLE')
            element = element.nextElementSibling;
        const rows = element ? element.tBodies[0].rows : [];
        wrong += rows.length !== table.rows.length;
        wrong += texts(element.tHead.rows[0].cells).join() !== table.columns.join();
        table.rows.forEach((row, at) => row.forEach((cell, column) => {
            cells++;
            wrong += rows[at].cells[column].textContent !== shown(cell);
        }));
    }
    check(`tables show their data, ${cells} cells of ${data.tables.length} tables`, wrong === 0);
}

function checkProcesses(page, data) {
    const table = page.querySelector('#processes table');
    const rows = table ? Array.from(table.tBodies[0].rows) : [];
    const right = rows.every((row, at) => {
        const life = data.processes.rows[at];
        return row.cells[0].textContent.endsWith(shown(life.name || '?')) &&
            row.cells[1].textContent === String(life.process_id) &&
            row.cells[6].textContent === String(life.events);
    });
    check(`${rows.length} processes`, rows.length === data.processes.rows.length && right);
}

function checkTimeline(page, data) {
    const {series, lost} = data.timeline, bars = page.querySelectorAll('#chart rect');
    const expected = series.reduce((sum, one) => sum + one.counts.filter(count => count).length, 0);
    const bad = Array.from(bars).filter(bar => !(Number(bar.getAttribute('height')) > 0));
    check(`timeline has ${expected} bars`,
        page.querySelectorAll('#chart rect:not(.gap):not(.lost)').length === expected && bad.length === 0);
    check('timeline marks losses', page.querySelectorAll('#chart rect.lost').length === lost.length);
    check('legend names the providers', page.querySelectorAll('.legend li').length === series.length);
}

function checkSorting(page) {
    const tables = page.querySelectorAll('#providers table'), body = tables[0].tBodies[0];
    const column = texts(tables[0].tHead.rows[0].cells).indexOf('events');
    const head = tables[0].tHead.rows[0].cells[column];
    const numbers = () => Array.from(body.rows, row => Number(row.cells[column].textContent));
    head.click();
    const up = numbers();
    check('sorts upwards', up.every((n, i) => i === 0 || up[i - 1] <= n));
    head.click();
    const down = numbers();
    check('sorts downwards', down.every((n, i) => i === 0 || down[i - 1] >= n));
    check('keeps every row', up.length > 0 && up.length === down.length);
}

function checkSearch(page) {
    const table = page.querySelector('#providers table'), box = page.querySelector('#providers input.search');
    const rows = Array.from(table.tBodies[0].rows);
    box.value = 'no such text anywhere';
    box.dispatchEvent(new page.defaultView.Event('input'));
    check('search hides', rows.every(row => row.hidden));
    box.value = rows[0].cells[0].textContent.slice(0, 8);
    box.dispatchEvent(new page.defaultView.Event('input'));
    check('search shows', !rows[0].hidden);
}

function checkTheme(page) {
    const colour = () => page.defaultView.getComputedStyle(page.body).backgroundColor;
    const before = colour();
    page.getElementById('theme').click();
    check('light and dark differ', colour() !== before);
}

// Only what page.html and page.js make: no element and no handler comes from a text.
function checkMarkup(page) {
    const known = new Set(('A BODY BUTTON CODE H1 H2 H3 HEAD HEADER HTML I INPUT LI MAIN META NAV NOSCRIPT P PRE RECT ' +
        'SCRIPT SECTION SPAN STYLE SVG TABLE TBODY TD TH THEAD TIME TITLE TR UL').split(' '));
    const all = Array.from(page.querySelectorAll('*'));
    check('no element of another kind', all.every(element => known.has(element.tagName.toUpperCase())));
    check('no handler in an attribute', all.every(element =>
        Array.from(element.attributes).every(attribute => !attribute.name.startsWith('on'))));
    check('two scripts, one style', page.scripts.length === 2 && page.styleSheets.length === 1);
    check('the title is the page\'s', page.title.startsWith('Trace report: '));
}

function run(page, wanted) {
    const data = JSON.parse(page.getElementById('data').textContent);
    checkMarkup(page);
    checkTables(page, data);
    checkProcesses(page, data);
    checkTimeline(page, data);
    checkSorting(page);
    checkSearch(page);
    checkTheme(page);
    for (const text of wanted)
        check('shows ' + text, page.body.innerText.includes(text));
    checkMarkup(page);
}

window.addEventListener('load', () => {
    const [address, ...wanted] = decodeURIComponent(location.hash.slice(1)).split('|');
    const frame = document.createElement('iframe');
    frame.addEventListener('load', () => {
        try {
            run(frame.contentDocument, wanted);
        } catch (error) {
            check('the checks ran: ' + error, false);
        }
        document.title = 'RESULT ' + results.join('; ');
    });
    frame.src = address;
    document.body.append(frame);
});
