// Tables: sorted, searched and cut on the data, so that a page with many rows stays quick. What is shown can be copied
// and saved.

const tables = [];
const FIRST_ROWS = 100, MORE_ROWS = 400, LONG_CELL = 700, SHORT_CELL = 20;
const search = {words: [], from: null, to: null};

// ---------------------------------------------------------------------------------------------- cells

// The words that are searched for are marked.
function marked(text) {
    const plain = shown(text), lower = plain.toLowerCase();
    const parts = [];
    let at = 0;
    while (search.words.length && lower.length === plain.length) {
        const next = search.words.map(word => ({word, found: lower.indexOf(word, at)})).filter(one => one.found >= 0)
            .sort((a, b) => a.found - b.found || b.word.length - a.word.length)[0];
        if (!next || parts.length > 200)
            break;
        const end = next.found + next.word.length;
        parts.push(plain.slice(at, next.found), make('mark', null, plain.slice(next.found, end)));
        at = end;
    }
    parts.push(plain.slice(at));
    return parts;
}

// Long text shows its beginning, and where a word was found in it, all.
function longText(text) {
    const lower = text.toLowerCase();
    if (text.length <= LONG_CELL || search.words.some(word => lower.includes(word, LONG_CELL - 100)))
        return marked(text);
    const rest = button(`… ${grouped(text.length - LONG_CELL)} more characters`, 'show all of it',
        () => rest.replaceWith(...marked(text.slice(LONG_CELL))));
    return [marked(text.slice(0, LONG_CELL)), rest];
}

function cellContent(column, cell, row) {
    if (cell === null || cell === undefined)
        return '';
    if (typeof cell === 'object')
        return cell.show(row);
    if (column.kind === 'time')
        return time(cell, row.host);
    if (column.kind === 'process')
        return lives.has(row.life) && cell ? link('process-' + row.life, marked(cell)) : marked(cell);
    return typeof cell === 'number' ? marked(cell) : longText(cell);
}

// What a cell is when it is searched, sorted and saved.
function plain(cell) {
    return cell === null || cell === undefined ? '' : typeof cell === 'object' ? cell.text : cell;
}

function shownLength(cell) {
    return String(cell && cell.shown !== undefined ? cell.shown : plain(cell)).length;
}

// ---------------------------------------------------------------------------------------------- order

// Numbers, also in hex, before texts.
function sortKey(cell) {
    const value = plain(cell);
    if (typeof value === 'string' && /^(0x[0-9a-f]+|\d+)$/i.test(value))
        return BigInt(value);
    return value;
}

function compareKeys(a, b) {
    const texts = (typeof a === 'string') - (typeof b === 'string');
    return texts || (a < b ? -1 : a > b ? 1 : 0);
}

// ---------------------------------------------------------------------------------------------- saving

// As convert does: a cell that a spreadsheet would run gets an apostrophe.
function csvCell(cell) {
    let text = String(plain(cell));
    if (typeof plain(cell) === 'string' && /^[=+\-@\t\r]/.test(text))
        text = "'" + text;
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

function save(name, text) {
    const place = URL.createObjectURL(new Blob([text], {type: 'text/csv'}));
    const element = make('a', {download: name});
    element.setAttribute('href', place);
    element.click();
    URL.revokeObjectURL(place);
}

// Where the browser has no clipboard for files, through a field that is selected.
function copy(text) {
    const field = make('textarea', {value: text, className: 'away', 'aria-hidden': 'true'});
    document.body.append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    return done;
}

// ---------------------------------------------------------------------------------------------- a table

const KINDS = {'time (UTC)': 'time', first: 'time', last: 'time', process: 'process', event: 'name', level: 'short',
    'message or fields': 'wide', record: 'number', id: 'number', events: 'number', files: 'number'};

class Table {
    // of: id, title, level (of its heading), explanation, columns, rows, all, lives, hosts; what is missing is not there
    constructor(of) {
        Object.assign(this, of);
        this.columns = of.columns.map(name => typeof name === 'string' ? {name, kind: KINDS[name] || 'text'} : name);
        this.rows = of.rows.map((cells, i) => ({cells, life: of.lives ? of.lives[i] : null,
            host: of.hosts ? of.hosts[i] : 0, index: i}));
        if (severalHosts && of.hosts)
            this.addHostColumn();
        this.timeColumn = this.columns.findIndex(column => column.kind === 'time');
        this.measure();
        this.limit = FIRST_ROWS;
        this.found = this.rows;
        this.build();
        tables.push(this);
    }

    addHostColumn() {
        this.columns = [...this.columns, {name: 'host', kind: 'text'}];
        for (const row of this.rows)
            row.cells = [...row.cells, hostName(row.host)];
    }

    // Columns without any content are not shown; those with short texts only keep them on one line.
    measure() {
        const lengths = this.columns.map((_, at) =>
            this.rows.reduce((most, row) => Math.max(most, shownLength(row.cells[at])), 0));
        this.columns = this.columns.map((column, at) => ({...column, fits: lengths[at] <= SHORT_CELL}));
        this.visible = this.columns.map((_, at) => at).filter(at => lengths[at]);
    }

    build() {
        this.body = make('tbody', {role: 'rowgroup'});
        this.heads = this.visible.map(at => this.head(this.columns[at], at));
        this.element = make('table', {className: 'grid', role: 'table', 'aria-label': this.title},
            make('thead', {role: 'rowgroup'}, make('tr', {role: 'row'}, this.heads)), this.body);
        this.state = make('span', {className: 'hits', role: 'status'});
        this.rest = make('p', {className: 'rest'});
        this.place = make('details', {id: this.id, className: 'table', open: true},
            make('summary', null, make(this.level || 'h3', null, this.title,
                this.all === undefined ? '' : ` (${grouped(this.all)})`)),
            this.explanation ? make('p', null, this.explanation) : null,
            make('div', {className: 'tools'}, this.state,
                button('Copy', 'copy the rows that are found, with tabs between cells', () => this.copy()),
                button('CSV', 'save the rows that are found', () => save(this.id + '.csv', this.csv()))),
            this.element, this.rest, this.notShown());
        this.place.addEventListener('toggle', () => this.body.rows.length || this.render());
    }

    head(column, at) {
        return make('th', {role: 'columnheader', scope: 'col', className: 'k-' + column.kind},
            button(column.name, 'sort by this column', () => this.sort(at)));
    }

    notShown() {
        if (this.all === undefined || Number(this.all) <= this.rows.length)
            return null;
        return more(`The page has the first ${grouped(this.rows.length)} rows; ` +
            `${grouped(this.all - this.rows.length)} more are not in it. All of them: `,
            code(`etwkit convert${traces()} -o all.db`), ', then the query of ', link('repeat', 'How to repeat'), '.');
    }

    text(row) {
        if (row.text === undefined)
            row.text = row.cells.map(plain).join('\u0001').toLowerCase();
        return row.text;
    }

    fits(row) {
        const at = search.from && this.timeColumn >= 0 ? row.cells[this.timeColumn] : null;
        if (at && (at < search.from || at > search.to))
            return false;
        return search.words.every(word => this.text(row).includes(word));
    }

    filter() {
        const active = search.words.length || search.from;
        this.found = active ? this.rows.filter(row => this.fits(row)) : this.rows;
        this.limit = FIRST_ROWS;
        this.order();
        this.place.hidden = active && !this.found.length;
        if (search.words.length && this.found.length)
            this.place.open = true;
        this.render();
    }

    sort(column) {
        this.direction = this.column === column ? -this.direction : 1;
        this.column = column;
        this.heads.forEach((head, at) => {
            if (this.visible[at] === column)
                head.setAttribute('aria-sort', this.direction > 0 ? 'ascending' : 'descending');
            else
                head.removeAttribute('aria-sort');
        });
        this.order();
        this.render();
    }

    order() {
        if (this.column === undefined)
            return;
        const keyed = this.found.map(row => ({row, key: sortKey(row.cells[this.column])}));
        keyed.sort((a, b) => this.direction * compareKeys(a.key, b.key) || a.row.index - b.row.index);
        this.found = keyed.map(one => one.row);
    }

    render() {
        if (!this.place.open) {
            this.body.replaceChildren();
            return;
        }
        this.body.replaceChildren(...this.found.slice(0, this.limit).map(row => this.line(row)));
        const active = search.words.length || search.from;
        this.state.replaceChildren(active ? `${count(this.found.length, 'row')} found` : '');
        this.showRest();
    }

    line(row) {
        const element = make('tr', {role: 'row'}, this.visible.map(at => this.cell(this.columns[at], row.cells[at], row)));
        if (this.indent)
            element.cells[0].style.paddingLeft = 0.5 + Math.min(this.indent(row), 12) * 0.9 + 'em';
        return element;
    }

    cell(column, cell, row) {
        return make('td', {role: 'cell', className: `k-${column.kind}${column.fits ? ' fits' : ''}`,
            'data-label': column.name}, cellContent(column, cell, row));
    }

    showRest() {
        const left = this.found.length - this.limit;
        this.rest.replaceChildren();
        if (left <= 0)
            return;
        append(this.rest, [`${grouped(this.limit)} of ${count(this.found.length, 'row')}; searching finds the others. `,
            left > MORE_ROWS && button(`${MORE_ROWS} more`, 'show more rows', () => this.widen(MORE_ROWS)),
            button(`All ${grouped(this.found.length)}`, 'show all rows', () => this.widen(left))]);
    }

    widen(rows) {
        this.limit += rows;
        this.render();
    }

    // Shows a row, wherever it is; false: it is not in this table.
    reveal(wanted) {
        const at = this.found.findIndex(wanted);
        if (at < 0)
            return false;
        this.place.open = true;
        this.limit = Math.max(this.limit, at + 1);
        this.render();
        const line = this.body.rows[at];
        line.classList.add('wanted');
        line.scrollIntoView({block: 'center'});
        return true;
    }

    copy() {
        const lines = this.found.map(row =>
            row.cells.map(cell => String(plain(cell)).replace(/[\t\r\n]+/g, ' ')).join('\t'));
        const done = copy([this.columns.map(column => column.name).join('\t'), ...lines].join('\n') + '\n');
        this.state.replaceChildren(done ? `${count(lines.length, 'row')} copied` : 'the browser did not copy');
    }

    csv() {
        const lines = [this.columns.map(column => column.name), ...this.found.map(row => row.cells)];
        return lines.map(cells => cells.map(csvCell).join(',')).join('\r\n') + '\r\n';
    }
}

// Tables that would make the page very long are closed at first.
function closeSome(list, most) {
    let rows = 0;
    for (const table of list) {
        table.place.open = rows < most;
        rows += Math.min(table.rows.length, FIRST_ROWS);
        table.render();
    }
}

// Links to tables, with how many rows each has.
function contents(list) {
    return list.length > 1 && make('ul', {className: 'contents'},
        list.map(table => make('li', null, link(table.id, table.title), ` ${grouped(table.all)}`)));
}

// The traces as a command line names them.
function traces() {
    return readInputs.map(input => ` '${input.file}'`).join('');
}
