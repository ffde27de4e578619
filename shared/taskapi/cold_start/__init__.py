"""Everything that makes a cold start short, and how to take each part out again.

A cold start is the first answer of a new execution environment: Lambda starts Python,
imports the function (the init phase) and hands it the first event. Most of it is CPU
time for imports; the rest is waiting for the network. A technique stays here if it
saves 2% of that, has a test that fails when it stops working, and changes nothing for
other code once the function is imported.

What happens, in order:

1. `functions/*/app.py` imports `preconnect` before anything else.
2. `preconnect` imports `prefetch_secret`, which asks Secrets Manager for the settings,
   in a thread. Until then, only modules of Python's own and of ours are imported.
3. `preconnect` imports psycopg. A thread waits for the secret and connects to the
   database. Then it imports the logger and the check of tokens. Another thread waits
   for the secret, fetches the JWKS, and makes the key for pseudonyms. With SnapStart
   all of this begins after each restore instead.
4. `app.py` imports FastAPI and pydantic, which needs no network.
5. `lambda_handler()` in web/handler.py, called last, waits for both threads, and then
   calls `dataclass_code.stop()` and `init_phase.end_init_phase()`.

"Saves" is in millions of instructions, of the 1,240 that a cold start of list_tasks
takes as deployed (`python -m benchmarks.instructions`); or in time if it saves waiting.

saves  technique; the test that guards it; how to remove it
-----  ----------------------------------------------------------------------------
4,000  The layer has byte code, which Python doesn't compare with sources (layer.py).
       test_has_byte_code_that_is_not_checked_against_its_source
       Keep it: plain FastAPI takes 5,660 without byte code, and 1,720 with it.
  190  `cryptography` isn't imported for HS256 (auth/pyjwt.py).
       test_hs256_uses_no_cryptography
       Remove: in auth/signatures.py, import HMACAlgorithm from jwt.algorithms.
  570  boto3 isn't imported to read the secret (settings/secrets_manager.py).
       test_imports_nothing_while_it_reads
       Remove: read it by Powertools' get_secret.
  225  TLS to Secrets Manager, and to the JWKS, loads the CAs that most hosts use, and
       all others only if those aren't enough (tls.py).
       test_trusts_few_cas_if_they_are_enough
       Remove: use all_cas_tls() instead of few_cas_tls().
  155  The build compiles the methods of dataclasses, of which a cold start has 82
       (dataclass_code.py, layer.py).
       test_python_compiles_no_dataclass
       Remove: delete dataclass_code.py, what imports it, and compile_dataclasses().
  170  FastAPI's models of OpenAPI don't build their schemas (framework.py).
       test_leaves_the_interpreter_as_it_was
       Remove: import the names without the `with`.
   85  pydantic.v1 isn't in the layer, so FastAPI can't import it (layer.py).
       test_fastapi_imports_nothing_optional
       Remove: delete its lines in LEFT_OUT.
   74  The TypedDicts of pydantic_core.core_schema have no fields (layer.py).
       test_typed_dicts_of_core_schemas_have_no_fields
       Remove: delete WITHOUT_FIELDS and drop_fields(). Measure it again with Python
       3.14, which evaluates annotations on first use (PEP 649).
   55  FastAPI 0.141.1 doesn't import OpenTelemetry; later ones do (requirements.txt).
       test_fastapi_imports_nothing_optional
       Remove: raise the pin.
   42  The garbage collector is off while Python imports (init_phase.py).
       test_collects_no_garbage_in_the_init_phase
       Remove: delete the lines with `gc`.
    -  It reads the secret while Python imports: three round trips of waiting
       (prefetch_secret.py).
       test_asks_for_the_secret_before_other_packages_are_imported
       Remove: pass None to preconnect.start(), and delete the module.
    -  It looks Secrets Manager's name up, and connects, while Python imports TLS: 4% of
       the time if a round trip takes 40 ms (prefetch_secret.py, tcp.py).
       test_connects_to_secrets_manager_before_tls_is_imported
       Remove: delete dial_secrets_manager() and dial().
    -  It connects, and fetches keys, while Python imports: six round trips of
       waiting (preconnect.py). It connects before it imports Powertools, which saves
       4% of the time if a round trip takes 40 ms.
       test_connects_before_powertools_and_the_framework_are_imported
       Remove: delete the module, and its import in each app.py.
    -  It makes the key for pseudonyms if the JWKS is the only way to check tokens,
       while it connects: 15 ms of a core (preconnect.py, auth/pseudonym.py).
       test_the_key_for_pseudonyms_is_made_in_the_init_phase
       Remove: delete the call of pseudonym_key().
   4%  Only the main thread imports: two threads that import take Python's lock from
       each other. 4% of the time (preconnect.py).
       test_threads_wait_for_the_network_and_import_nothing,
       test_reading_the_secret_imports_nothing
       Remove: import in any thread.

`make guard` fails if a cold start takes 10% more instructions than committed.

Tried or taken out, because each saved less than 2%: compiling the annotations and
`__new__` of named tuples by the build too (12), evaluating FastAPI's annotations on
first use (25), other packages without docstrings (3), a shorter switch interval for
threads (3 ms of 456), byte code for app.py (1), a layer without the small modules that
nothing imports. Stripping the symbols of `cryptography` made the layer 0.5 MB smaller
and no start shorter.

Only `prefetch_secret` and `preconnect` import our other packages, and only app.py
imports `preconnect`: so web/ and tasks/ can import the rest.
"""
