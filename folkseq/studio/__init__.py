"""The studio: a local web page to ask for a tune, hear it, see it, change it and take it away.

    cli.py         the command `folkseq studio`
    server.py      the address, the token, the browser, and uvicorn
    app.py         the application: the page, its assets and the operations
    guard.py       the checks that every request passes
    operations.py  an operation: a function from a checked request to an answer, or to a stream of answers
    openapi.py     the operations as an OpenAPI document
    jobs.py        generation in turns, so that no page waits for another
    workshop.py    what the operations share: models, folder, soundfont
    open_text.py   the text of a tune that changes: what stays and what is new
    notes.py       the notes of a text as a model reads them
    performing.py  a MIDI file as the page shows and plays it
    passages.py    some seconds of a performance written again
    continuing.py  what a model reads before such a passage
    takeaway.py    files of a tune or a performance, with their records
    errors.py      errors with a status of their own
    api/           the operations
    page/          HTML, style and scripts, without a build step
    vendor/        released files of other projects, with their licences and digests

An optional package: a verb that is found as an entry point. The page talks to the operations only.
"""
