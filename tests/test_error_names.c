// Names of status codes. Pairs: [MS-ERREF] sections 2.1 to 2.3 (learn.microsoft.com), winerror.h and wuerror.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schema/tables/error_names.h"
#include "schema/tables/sid_names.h"

typedef struct expected_name {
    u32 code;
    const char *name;
} expected_name;

static void expect_all(const char *(*name_of)(u32), const expected_name *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = name_of(pairs[i].code);
        if (!name || strcmp(name, pairs[i].name) != 0)
            print_message("0x%08x is %s, not %s\n", pairs[i].code, name ? name : "nothing", pairs[i].name);
        assert_non_null(name);
        assert_string_equal(name, pairs[i].name);
    }
}

static void ntstatus_codes(void **state)
{
    (void)state;
    static const expected_name pairs[] = {
        {0x00000000, "STATUS_SUCCESS"},
        {0x00000102, "STATUS_TIMEOUT"},
        {0x00000103, "STATUS_PENDING"},
        {0x00000104, "STATUS_REPARSE"},
        {0x40000003, "STATUS_IMAGE_NOT_AT_BASE"},
        {0x80000005, "STATUS_BUFFER_OVERFLOW"},
        {0x80000006, "STATUS_NO_MORE_FILES"},
        {0x8000001A, "STATUS_NO_MORE_ENTRIES"},
        {0xC0000001, "STATUS_UNSUCCESSFUL"},
        {0xC0000005, "STATUS_ACCESS_VIOLATION"},
        {0xC0000008, "STATUS_INVALID_HANDLE"},
        {0xC000000D, "STATUS_INVALID_PARAMETER"},
        {0xC000000F, "STATUS_NO_SUCH_FILE"},
        {0xC0000010, "STATUS_INVALID_DEVICE_REQUEST"},
        {0xC0000011, "STATUS_END_OF_FILE"},
        {0xC0000022, "STATUS_ACCESS_DENIED"},
        {0xC0000034, "STATUS_OBJECT_NAME_NOT_FOUND"},
        {0xC0000035, "STATUS_OBJECT_NAME_COLLISION"},
        {0xC000003A, "STATUS_OBJECT_PATH_NOT_FOUND"},
        {0xC0000043, "STATUS_SHARING_VIOLATION"},
        {0xC0000064, "STATUS_NO_SUCH_USER"},
        {0xC000006A, "STATUS_WRONG_PASSWORD"},
        {0xC000006D, "STATUS_LOGON_FAILURE"},
        {0xC0000072, "STATUS_ACCOUNT_DISABLED"},
        {0xC000009A, "STATUS_INSUFFICIENT_RESOURCES"},
        {0xC00000BB, "STATUS_NOT_SUPPORTED"},
        {0xC0000120, "STATUS_CANCELLED"},
        {0xC0000135, "STATUS_DLL_NOT_FOUND"},
        {0xC0000225, "STATUS_NOT_FOUND"},
        {0xC0000234, "STATUS_ACCOUNT_LOCKED_OUT"},
        {0xC0000409, "STATUS_STACK_BUFFER_OVERRUN"},
        {0xC0000428, "STATUS_INVALID_IMAGE_HASH"},
        {0xC0020017, "RPC_NT_SERVER_UNAVAILABLE"},
    };
    expect_all(ntstatus_name, pairs, COUNT_OF(pairs));
    assert_null(ntstatus_name(0xffffffff));
    assert_null(ntstatus_name(0xc000ffff));
    assert_string_equal(ntstatus_name(0xC0070005), "ERROR_ACCESS_DENIED");
}

static void win32_codes(void **state)
{
    (void)state;
    static const expected_name pairs[] = {
        {0, "ERROR_SUCCESS"},
        {2, "ERROR_FILE_NOT_FOUND"},
        {3, "ERROR_PATH_NOT_FOUND"},
        {5, "ERROR_ACCESS_DENIED"},
        {6, "ERROR_INVALID_HANDLE"},
        {32, "ERROR_SHARING_VIOLATION"},
        {87, "ERROR_INVALID_PARAMETER"},
        {122, "ERROR_INSUFFICIENT_BUFFER"},
        {183, "ERROR_ALREADY_EXISTS"},
        {234, "ERROR_MORE_DATA"},
        {259, "ERROR_NO_MORE_ITEMS"},
        {997, "ERROR_IO_PENDING"},
        {1060, "ERROR_SERVICE_DOES_NOT_EXIST"},
        {1168, "ERROR_NOT_FOUND"},
        {1223, "ERROR_CANCELLED"},
        {1326, "ERROR_LOGON_FAILURE"},
        {1460, "ERROR_TIMEOUT"},
        {1722, "RPC_S_SERVER_UNAVAILABLE"},
        {1753, "EPT_S_NOT_REGISTERED"},
        {3010, "ERROR_SUCCESS_REBOOT_REQUIRED"},
        {4201, "ERROR_WMI_INSTANCE_NOT_FOUND"},
        {9003, "DNS_ERROR_RCODE_NAME_ERROR"},
        {9501, "DNS_INFO_NO_RECORDS"},
        {10054, "WSAECONNRESET"},
        {10060, "WSAETIMEDOUT"},
        {10061, "WSAECONNREFUSED"},
        {11001, "WSAHOST_NOT_FOUND"},
    };
    expect_all(win32_error_name, pairs, COUNT_OF(pairs));
    assert_null(win32_error_name(0xffffffff));
    assert_null(win32_error_name(0x80070005));
}

static void hresult_codes(void **state)
{
    (void)state;
    static const expected_name pairs[] = {
        {0x00000000, "S_OK"},
        {0x00000001, "S_FALSE"},
        {0x80004001, "E_NOTIMPL"},
        {0x80004002, "E_NOINTERFACE"},
        {0x80004003, "E_POINTER"},
        {0x80004004, "E_ABORT"},
        {0x80004005, "E_FAIL"},
        {0x8000FFFF, "E_UNEXPECTED"},
        {0x80010108, "RPC_E_DISCONNECTED"},
        {0x80040154, "REGDB_E_CLASSNOTREG"},
        {0x80070005, "E_ACCESSDENIED"},
        {0x80070006, "E_HANDLE"},
        {0x8007000E, "E_OUTOFMEMORY"},
        {0x80070057, "E_INVALIDARG"},
        {0x80080005, "CO_E_SERVER_EXEC_FAILURE"},
        {0x80090016, "NTE_BAD_KEYSET"},
        {0x8009030C, "SEC_E_LOGON_DENIED"},
        {0x80092004, "CRYPT_E_NOT_FOUND"},
        {0x800B0100, "TRUST_E_NOSIGNATURE"},
        {0x800B0101, "CERT_E_EXPIRED"},
        {0x80240017, "WU_E_NOT_APPLICABLE"},
        {0x8024402C, "WU_E_PT_WINHTTP_NAME_NOT_RESOLVED"},
    };
    expect_all(hresult_name, pairs, COUNT_OF(pairs));
    assert_null(hresult_name(0xffffffff));
    assert_string_equal(hresult_name(0x80070002), "ERROR_FILE_NOT_FOUND");
    assert_string_equal(hresult_name(0x800706BA), "RPC_S_SERVER_UNAVAILABLE");
    assert_string_equal(hresult_name(0xD0000022), "STATUS_ACCESS_DENIED");
    assert_null(hresult_name(0x8007ffff));
}

// Each row of the tables must be found by its own code, and codes must ascend, or the look-up misses rows.
static void tables_are_in_order(void **state)
{
    (void)state;
    static const expected_name status[] = {
#define NTSTATUS_NAME(code, name) {code, #name},
#include "schema/tables/error_names.def"
    };
    static const expected_name win32[] = {
#define WIN32_NAME(code, name) {code, #name},
#include "schema/tables/error_names.def"
    };
    static const expected_name hresult[] = {
#define HRESULT_NAME(code, name) {code, #name},
#include "schema/tables/error_names.def"
    };
    expect_all(ntstatus_name, status, COUNT_OF(status));
    expect_all(win32_error_name, win32, COUNT_OF(win32));
    expect_all(hresult_name, hresult, COUNT_OF(hresult));
    for (size_t i = 1; i < COUNT_OF(status); i++)
        assert_true(status[i - 1].code < status[i].code);
    for (size_t i = 1; i < COUNT_OF(win32); i++)
        assert_true(win32[i - 1].code < win32[i].code);
    for (size_t i = 1; i < COUNT_OF(hresult); i++)
        assert_true(hresult[i - 1].code < hresult[i].code);
}

// From "Well-known SIDs" of Microsoft Learn.
static void well_known_sids(void **state)
{
    (void)state;
    static const u8 SYSTEM[] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
    static const u8 ADMINISTRATORS[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};
    assert_string_equal(sid_name("S-1-5-18"), "NT AUTHORITY\\SYSTEM");
    assert_string_equal(sid_name("S-1-1-0"), "Everyone");
    assert_string_equal(sid_name("S-1-16-12288"), "Mandatory Label\\High Mandatory Level");
    assert_null(sid_name("S-1-5-180"));
    assert_null(sid_name("S-1-5-21-1004336348-1177238915-682003330-500")); // may be renamed
    assert_null(sid_name(NULL));
    assert_string_equal(sid_name_of((span){SYSTEM, sizeof(SYSTEM)}), "NT AUTHORITY\\SYSTEM");
    assert_string_equal(sid_name_of((span){ADMINISTRATORS, sizeof(ADMINISTRATORS)}), "BUILTIN\\Administrators");
    assert_null(sid_name_of((span){ADMINISTRATORS, 12})); // cut
    assert_null(sid_name_of((span){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ntstatus_codes),      cmocka_unit_test(win32_codes),     cmocka_unit_test(hresult_codes),
        cmocka_unit_test(tables_are_in_order), cmocka_unit_test(well_known_sids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
