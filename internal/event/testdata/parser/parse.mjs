// Reads the OpenAPI document in the file that the argument names, follows its references,
// and validates it. It fails with what is wrong.
import SwaggerParser from "@apidevtools/swagger-parser";

const api = await SwaggerParser.validate(process.argv[2]);
console.log(api.openapi, Object.keys(api.paths).length);
