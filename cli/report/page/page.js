// The page put together: tables, the search over all of them, what the address asks for.

// ---------------------------------------------------------------------------------------------- activities

function showConnections() {
    const {rows, all} = data.connections;
    if (!rows.length)
        return null;
    const table = new Table({id: 'connections', title: 'Network connections', all,
        explanation: 'Traffic between two ends for one process, put together from its single events.',
        columns: ['first', 'last', 'process', 'id', 'protocol', {name: 'local port', kind: 'number'}, 'remote',
            {name: 'bytes sent', kind: 'number'}, {name: 'bytes received', kind: 'number'}],
        rows: rows.map(c => [c.first, c.last, c.process, c.process_id, c.protocol, c.local_port, c.remote, c.bytes_sent,
            c.bytes_received]),
        lives: rows.map(c => c.life), hosts: rows.map(c => c.host)});
    table.ofEvents = true;
    return table;
}

function eventTable(of) {
    const table = new Table(of);
    table.ofEvents = true;
    return table;
}

function showActivities() {
    const list = [...data.tables.map(eventTable), showConnections()].filter(table => table);
    show('activities', contents([...data.charts.map(chart => ({...chart, all: ''})), ...list]));
    showCharts();
    show('activities', list.map(table => table.place));
    closeSome(list, 1500);
    if (!list.length && !data.charts.length)
        show('activities', make('p', null, 'None of the events is of a kind that has a table here. All of them are ' +
            'below, with the provider that logged them.'));
}

// ---------------------------------------------------------------------------------------------- providers

function showClasses() {
    const {columns, rows, all} = data.classes, SCHEMA = 6, ID = 7;
    const table = new Table({id: 'classes', title: 'Kinds of events', all, columns: columns.map(name =>
        ['event', 'version', 'opcode', 'events'].includes(name) ? {name, kind: 'number'} : {name, kind: 'text'}),
        explanation: 'How many there are of each kind, and where the description came from that decodes them. For ' +
            'what stays raw one is missing: the provider\'s manifest, DLL, TMF or MOF (etwkit schemas add FILE).',
        rows: rows.map(row => row.map((cell, at) => at === SCHEMA && cell === 'none' ? 'raw: nothing' : cell)
            .filter((_, at) => at <= ID))});
    show('providers', table.place);
    table.place.open = rows.length <= 12;
    table.render();
}

function showProviders() {
    const list = data.providers.map(eventTable);
    show('providers', make('p', null, 'Events without a table above, by the provider that logged them: the message, or ' +
        'where there is none, the fields.'), contents(list), list.map(table => table.place),
        data.providers_without_table ? more(`${data.providers_without_table} more providers have no table here.`) : null);
    closeSome(list, 600);
    showClasses();
}

// ---------------------------------------------------------------------------------------------- repeat

function showRepeat() {
    const queries = [...data.tables, ...data.providers];
    show('repeat',
        make('p', null, 'The same evidence, program and schemas give this page byte for byte:'),
        make('pre', null, `etwkit report${traces()} -o report.html`),
        make('p', null, 'Every table again, whole, from an SQLite database:'),
        make('pre', null, `etwkit convert${traces()} -o all.db`),
        make('details', {open: data.tables.length <= 8}, make('summary', null, make('h3', null, 'Queries')),
            queries.map(table => [make('h4', null, table.title), make('pre', {className: 'sql'}, table.query)])));
}

// ---------------------------------------------------------------------------------------------- search

function countFound() {
    const list = tables.filter(table => !ownTables.includes(table)), place = section('found');
    const hits = list.filter(table => table.found.length);
    const rows = hits.reduce((sum, table) => sum + table.found.length, 0);
    place.hidden = !search.words.length;
    document.body.classList.toggle('searching', search.words.length > 0);
    place.replaceChildren();
    if (search.words.length)
        append(place, [make('h2', null, 'Found'), make('p', {role: 'status'}, rows
            ? `${count(rows, 'row')} in ${count(hits.length, 'table')} of this page.` : 'No row of this page has this.'),
            make('ul', {className: 'contents'}, hits.map(table =>
                make('li', null, link(table.id, table.title), ` ${grouped(table.found.length)}`)))]);
}

function searchAll() {
    tables.forEach(table => table.filter());
    countFound();
}

function setWords(text) {
    search.words = text.toLowerCase().split(/\s+/).filter(word => word);
    searchAll();
}

// Only rows of this span; null: of all times.
function setSpan(from, to) {
    if (search.from === from && (from === null || search.to === to))
        return;
    search.from = from;
    search.to = to;
    searchAll();
}

function searchBox() {
    const box = make('input', {type: 'search', id: 'search', placeholder: 'search all tables'});
    box.setAttribute('aria-label', 'Search all tables: rows that have each of these words');
    box.addEventListener('input', () => setWords(box.value));
    return box;
}

// ---------------------------------------------------------------------------------------------- the page

function toggleTheme() {
    const root = document.documentElement;
    const system = !root.classList.contains('light') && matchMedia('(prefers-color-scheme: dark)').matches;
    const dark = root.classList.contains('dark') || system;
    root.classList.toggle('dark', !dark);
    root.classList.toggle('light', dark);
}

function localToggle() {
    const toggle = button('Local time', 'the local time of the machine beside UTC', () => {
        const on = document.documentElement.classList.toggle('local');
        toggle.setAttribute('aria-pressed', String(on));
    });
    toggle.setAttribute('aria-pressed', 'false');
    toggle.id = 'local';
    return toggle;
}

// Times of the sections that are written without this script; where inputs differ in their time zones it is not known
// whose they are.
function addLocalTimes(section) {
    const zones = new Set(readInputs.map(input => input.utc_offset_minutes)), texts = [];
    const walk = document.createTreeWalker(section, NodeFilter.SHOW_TEXT);
    while (zones.size === 1 && walk.nextNode())
        texts.push(walk.currentNode);
    for (const text of texts) {
        const parts = text.data.split(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z)/);
        if (parts.length > 1)
            text.replaceWith(...parts.map((part, i) => i % 2 === 0 ? part :
                make('time', {dateTime: part, 'data-local': ` (${localText(part, 0)} local)`, className: 'inline'}, part)));
    }
}

// "#process-12": the page of a process; "#record-7": the row of a record; "#dns": a table, which opens.
function follow() {
    const [, kind, number] = /^#(process|record)-(\d+)$/.exec(location.hash) || [];
    if (kind === 'process')
        showProcess(Number(number));
    else if (kind === 'record')
        tables.some(table => table.ofEvents && !ownTables.includes(table) &&
            table.reveal(row => row.cells[0] === Number(number)));
    const table = tables.find(one => '#' + one.id === location.hash);
    if (table)
        table.place.open = true;
}

const theme = button('Light or dark', 'change the colours', toggleTheme);
theme.id = 'theme';
addLocalTimes(document.getElementById('summary'));
addLocalTimes(document.getElementById('evidence'));
show('tools', searchBox(), localToggle(), theme);
showTimeline();
showProcesses();
showActivities();
showProviders();
showRepeat();
addEventListener('hashchange', follow);
follow();
